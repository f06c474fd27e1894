"""A provider for the black-box run that speaks as OpenAI, Anthropic, Cohere and Azure do, with failures to order.

The model name of a request picks what happens and is the key under which it is counted: "gate--py-7" behaves as
"gate" and is counted alone. Content follows the request: tools, n, logprobs and stream_options are honoured, and every
answer carries the number of the call that made it, so that a stored answer can be told from a fresh one.

    plain      answers                              gzip       answers compressed, if asked to
    inorder    answers, parallel tool calls one after the other
    refusal    answers with a refusal               split      streams in 5-byte pieces, CRLF lines and comments
    reasoning  answers with reasoning_content       gate       streams its first words, then waits for a release
    e4NN e500  fails as the provider does           stall      accepts and never answers
    html       502 with a web page                  break      drops the connection in the middle of a stream
    garbage    200 that is not JSON (or not SSE)    cut        ends a stream cleanly, but without its last events
    empty      200 without a body                   midway     reports an error inside a stream
    long       claims more bytes than it sends      short      claims fewer bytes than its answer has

Everything under /control is for the drivers: what was seen, waiting for it, releasing a gate, and the gateway's life.
"""

import collections
import gzip
import http.server
import itertools
import json
import re
import select
import socket
import threading
import time
import urllib.parse

from upstream_clouds import Clouds
from upstream_dialects import Dialects

HOLD_SECONDS = 30  # the longest that a gate or a stall lasts; the drivers' own limits are shorter
WAIT_SECONDS = 15  # the longest that /control/wait blocks

TOOL_CALLS = [
    ("call_a", "get_weather", '{"city": "Zürich", "unit": "celsius"}'),
    ("call_b", "get_time", '{"zone": "Europe/Zurich", "format": "24h \\"long\\""}'),
]
TEXT_TAIL = "Naïve café, 日本語, emoji 🎉👩‍🚀 and a \"quoted\" \\ backslash."


def error_body(message, kind, code):
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def pieces(text):
    return re.findall(r"\S+\s*", text)


def logprob(token, n):
    return {
        "token": token,
        "logprob": -3.1281633e-07 * (n + 1),
        "bytes": list(token.encode()),
        "top_logprobs": [{"token": token, "logprob": -0.1, "bytes": None}],
    }


def usage(n):
    return {
        "prompt_tokens": 11,
        "completion_tokens": 7 * n,
        "total_tokens": 11 + 7 * n,
        "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
    }


def prompt_of(request):
    if "prompt" in request:
        return request["prompt"]
    content = request["messages"][-1].get("content") or ""
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def chat_choices(request, kind, call):
    """The choices of a plain chat answer; the stream is cut from these, so the two can be compared."""
    choices = []
    for i in range(request.get("n") or 1):
        text = f"Call {call}, choice {i}, to {prompt_of(request)[:60]!r}. {TEXT_TAIL}"
        message = {"role": "assistant", "content": text, "refusal": None}
        finish, probs = "stop", None
        if kind == "refusal":
            message["content"], message["refusal"] = None, f"Call {call}: I cannot help with that."
        if kind == "reasoning":
            message["reasoning_content"] = f"Call {call}: first I think, then I answer."
        if request.get("tools"):
            message["content"], finish = None, "tool_calls"
            message["tool_calls"] = [
                {"id": f"{ident}_{call}_{i}", "type": "function", "function": {"name": name, "arguments": args}}
                for ident, name, args in TOOL_CALLS
            ]
        if request.get("logprobs") and message["content"]:
            probs = {"content": [logprob(t, n) for n, t in enumerate(pieces(text))], "refusal": None}
        choices.append({"index": i, "message": message, "logprobs": probs, "finish_reason": finish})
    return choices


def chat_deltas(choices, in_order=False):
    """The same choices as stream deltas, those of several choices and, unless in order, of parallel tool calls interleaved."""
    queues = []
    for choice in choices:
        i, message, queue = choice["index"], choice["message"], []

        def add(delta, finish=None, probs=None, i=i, queue=queue):
            queue.append({"index": i, "delta": delta, "logprobs": probs, "finish_reason": finish})

        add({"role": "assistant", "content": "" if message["content"] else None, "refusal": None})
        for piece in pieces(message.get("reasoning_content") or ""):
            add({"reasoning_content": piece})
        for piece in pieces(message["refusal"] or ""):
            add({"refusal": piece})
        for n, piece in enumerate(pieces(message["content"] or "")):
            probs = choice["logprobs"]
            add({"content": piece}, probs=probs and {"content": [probs["content"][n]], "refusal": None})
        calls = message.get("tool_calls", [])
        parts = []
        for n, call in enumerate(calls):
            arguments = call["function"]["arguments"]
            head = {"name": call["function"]["name"], "arguments": ""}
            parts.append([{"index": n, "id": call["id"], "type": "function", "function": head}])
            parts[n] += [{"index": n, "function": {"arguments": arguments[at : at + 6]}} for at in range(0, len(arguments), 6)]
        if in_order:
            parts = [sum(parts, [])]
        for together in itertools.zip_longest(*parts):
            for part in together:
                if part:
                    add({"tool_calls": [part]})
        add({}, finish=choice["finish_reason"])
        queues.append(queue)
    while any(queues):
        for queue in queues:
            if queue:
                yield queue.pop(0)


def text_choices(request, call):
    return [
        {
            "index": i,
            "text": f"Call {call}, choice {i}, after {str(prompt_of(request))[:60]!r}. {TEXT_TAIL}",
            "logprobs": None,
            "finish_reason": "stop",
        }
        for i in range(request.get("n") or 1)
    ]


def text_deltas(choices):
    for choice in choices:
        for piece in pieces(choice["text"]):
            yield {"index": choice["index"], "text": piece, "logprobs": None, "finish_reason": None}
        yield {"index": choice["index"], "text": "", "logprobs": None, "finish_reason": "stop"}


class State:
    """What the provider saw, by model name, and who waits for what."""

    def __init__(self):
        self.changed = threading.Condition()
        self.events = collections.Counter()
        self.last = {}
        self.released = set()
        self.secrets = set()  # that arrived, or that the drivers planted where they must not arrive

    def note(self, model, event):
        with self.changed:
            self.events[model, event] += 1
            self.changed.notify_all()
            return self.events[model, event]

    def wait(self, model, event, count):
        with self.changed:
            return self.changed.wait_for(lambda: self.events[model, event] >= count, WAIT_SECONDS)

    def release(self, model):
        with self.changed:
            self.released.add(model)
            self.changed.notify_all()

    def view(self, model):
        with self.changed:
            seen = {event: n for (name, event), n in self.events.items() if name == model}
            return {"calls": 0, "cancelled": 0, "finished": 0, **seen, "last": self.last.get(model)}


class Handler(Dialects, Clouds, http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: State
    gateway = None

    def log_message(self, *args):
        pass

    def do_GET(self):
        path, query = self.split()
        if path.startswith("/control/"):
            return self.control(path, query)
        key = self.arrived("path:" + path, b"")
        if path == "/v1/models":
            listed = [{"id": name, "object": "model", "created": 1, "owned_by": "black-box"} for name in ("plain", "gate")]
            return self.reply(200, {"object": "list", "data": listed}, key)
        if path == "/v1/models/plain":
            return self.reply(200, {"id": "plain", "object": "model", "created": 1, "owned_by": "black-box"}, key)
        return self.reply(404, error_body(f"no such path {self.path}", "invalid_request_error", "unknown_url"), key)

    def do_POST(self):
        path, query = self.split()
        body = self.read_body()
        if path.startswith("/control/"):
            return self.control(path, query)
        if path in ("/v1/chat/completions", "/v1/completions"):
            return self.complete(path, body)
        if path == "/v2/chat":
            return self.answer_cohere(body)
        if azure := re.fullmatch(r"/openai/deployments/([^/]+)(/chat/completions|/completions|/embeddings)", path):
            return self.answer_azure(azure.group(2), query, body)
        if path in ("/v1/messages", "/v1/responses", "/v1/embeddings"):
            return getattr(self, "answer_" + path.rsplit("/", 1)[-1])(body)
        if path == "/v1/messages/count_tokens":
            return self.reply(200, {"input_tokens": 11}, self.arrived("path:" + path, body))
        key = self.arrived("path:" + path, body)
        if path == "/v1/moderations":
            return self.reply(200, {"id": f"modr-{key}", "model": "moderator", "results": []}, key)
        if path == "/v1/files":
            made = {"id": "file-1", "object": "file", "bytes": len(body), "created_at": 1, "filename": "notes.jsonl"}
            return self.reply(200, {**made, "purpose": "batch", "status": "processed"}, key)
        return self.reply(404, error_body(f"no such path {self.path}", "invalid_request_error", "unknown_url"), key)

    def split(self):
        parts = urllib.parse.urlsplit(self.path)
        return parts.path, dict(urllib.parse.parse_qsl(parts.query))

    def read_body(self):
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def arrived(self, key, body):
        headers = {name.lower(): value for name, value in self.headers.items()}
        for name in ("authorization", "x-api-key", "api-key"):
            if name in headers:
                self.state.secrets.add(headers[name].removeprefix("Bearer "))
        self.state.last[key] = {"headers": headers, "body": body.decode("utf-8", "replace"), "path": self.path}
        self.call = self.state.note(key, "calls")
        return key

    # ---- answers

    def complete(self, path, body):
        try:
            request = json.loads(body)
            key = self.arrived(request["model"] + "", body)
        except (ValueError, KeyError, TypeError):  # no JSON, no object, no model, or one that is no string
            key = self.arrived("unreadable", body)
            return self.reply(400, error_body("could not parse the body", "invalid_request_error", None), key)
        chat = path.endswith("chat/completions")
        if chat and not request.get("messages"):
            return self.reply(400, error_body("[] is too short - 'messages'", "invalid_request_error", None), key)
        kind = key.split("--")[0]
        if failing := getattr(self, "fail_" + kind, None):
            return failing(request, key)
        try:
            choices = chat_choices(request, kind, self.call) if chat else text_choices(request, self.call)
        except (TypeError, ValueError, KeyError, AttributeError) as wrong:
            return self.reply(400, error_body(f"invalid type: {wrong}", "invalid_request_error", None), key)
        head = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{key}-{self.call}",
            "object": "chat.completion" if chat else "text_completion",
            "created": 1700000000 + self.call,
            "model": key,
            "system_fingerprint": "fp_blackbox",
        }
        if request.get("stream"):
            if chat:
                head["object"] = "chat.completion.chunk"
            deltas = chat_deltas(choices, kind == "inorder") if chat else text_deltas(choices)
            return self.stream(request, key, kind, head, deltas)
        if kind == "gate" and not self.hold(key):
            return None
        choices = [{**choice, **self.found()} for choice in choices]
        return self.reply(200, {**head, "choices": choices, "usage": usage(len(choices))}, key)

    def fail_e429(self, request, key):
        self.reply(429, error_body("slow down", "requests", "rate_limit_exceeded"), key, {"retry-after": "7"})

    def fail_e500(self, request, key):
        self.reply(500, error_body("the provider fell over", "server_error", None), key)

    def fail_e400(self, request, key):
        self.reply(400, error_body("to order", "invalid_request_error", "bad_parameter"), key)

    def fail_html(self, request, key):
        self.raw_reply(502, b"<html><body>Bad gateway</body></html>", key, {"content-type": "text/html"})

    def fail_empty(self, request, key):
        self.raw_reply(200, b"", key, {"content-type": "application/json"})

    def fail_garbage(self, request, key):
        if request.get("stream"):
            self.start_stream()
            self.event(b"data: {\"id\": nope\n\n")
            self.event(b"\x00\xff\xfe not an event\n\n")
            return self.end_stream(key)
        return self.raw_reply(200, b"\x00\xff{nope", key, {"content-type": "application/json"})

    def fail_long(self, request, key):
        whole = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": key, "choices": []}).encode()
        self.raw_reply(200, whole, key, {"content-type": "application/json"}, claim=len(whole) + 64)

    def fail_short(self, request, key):
        whole = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": key, "choices": []}).encode()
        self.raw_reply(200, whole, key, {"content-type": "application/json"}, claim=len(whole) - 9)

    def fail_stall(self, request, key):
        self.hold(key)
        self.close_connection = True

    def reply(self, status, value, key, headers=None):
        body = json.dumps(value, ensure_ascii=False).encode()
        headers = {"content-type": "application/json", "x-request-id": f"req-{self.call}", **(headers or {})}
        if key.startswith("gzip") and "gzip" in self.headers.get("accept-encoding", ""):
            body, headers["content-encoding"] = gzip.compress(body), "gzip"
        self.raw_reply(status, body, key, headers)

    def raw_reply(self, status, body, key, headers, claim=None):
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body) if claim is None else claim))
            self.end_headers()
            self.wfile.write(body)
            if claim is not None:
                self.close_connection = True
            self.state.note(key, "finished")
        except OSError:
            self.close_connection = True
            self.state.note(key, "cancelled")

    # ---- streams

    def stream(self, request, key, kind, head, deltas):
        with_usage = bool((request.get("stream_options") or {}).get("include_usage"))
        extra = {"usage": None} if with_usage else {}
        try:
            self.start_stream()
            if self.filtered:
                self.event(b"data: " + json.dumps(self.first_chunk(head)).encode() + b"\n\n")
            for n, choice in enumerate(deltas):
                choice = {**choice, **self.found()}
                if n == 3:
                    if kind == "gate" and not self.hold(key):
                        return
                    if kind == "break":
                        self.connection.shutdown(socket.SHUT_RDWR)
                        self.close_connection = True
                        return
                    if kind == "cut":
                        return self.end_stream(key)
                    if kind == "midway":
                        failed = error_body("the provider lost its thread", "server_error", None)
                        self.event(b"data: " + json.dumps(failed).encode() + b"\n\n")
                        break
                event = json.dumps({**head, "choices": [choice], **extra}, ensure_ascii=False).encode()
                if kind == "split":
                    self.torn(b": keep-alive\r\n\r\ndata: " + event + b"\r\n\r\n")
                else:
                    self.event(b"data: " + event + b"\n\n")
            if with_usage:
                tail = {**head, "choices": [], "usage": usage(request.get("n") or 1)}
                self.event(b"data: " + json.dumps(tail).encode() + b"\n\n")
            self.event(b"data: [DONE]\n\n")
            self.end_stream(key)
        except OSError:
            self.close_connection = True
            self.state.note(key, "cancelled")

    def start_stream(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def event(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def torn(self, data):
        for at in range(0, len(data), 5):
            self.event(data[at : at + 5])

    def end_stream(self, key):
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        self.state.note(key, "finished")

    def hold(self, key):
        """Waits for a release. False: the caller left first, which is counted, or nobody came."""
        self.state.note(key, "held")
        until = time.monotonic() + HOLD_SECONDS
        while time.monotonic() < until:
            with self.state.changed:
                if self.state.changed.wait_for(lambda: key in self.state.released, 0.02):
                    return True
            readable, _, _ = select.select([self.connection], [], [], 0)
            try:
                gone = bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
            except OSError:
                gone = True
            if gone:
                break
        self.close_connection = True
        self.state.note(key, "cancelled")
        return False

    # ---- the drivers' side door

    def control(self, path, query):
        self.call = 0
        model = query.get("model", "")
        answer = {}
        if path == "/control/wait":
            answer["reached"] = self.state.wait(model, query["event"], int(query.get("count", "1")))
        elif path == "/control/release":
            self.state.release(model)
        elif path == "/control/plant":
            self.state.secrets.add(query["secret"])
        elif path.startswith("/control/gateway"):
            try:
                answer = self.gateway.act(path.rsplit("/", 1)[-1])
            except Exception as problem:  # the driver's case fails with this text
                return self.reply(500, error_body(str(problem), "gateway", None), "control")
        elif path != "/control/state":
            return self.reply(404, error_body(path, "control", None), "control")
        return self.reply(200, {**answer, **self.state.view(model)}, "control")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # a caller that left; the state has it


def serve(gateway=None):
    """Starts the provider on a free loopback port; returns its base URL (no /v1), a function that stops it, and its state."""
    state = State()
    handler = type("Bound", (Handler,), {"state": state, "gateway": gateway, "disable_nagle_algorithm": True})
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def stop():
        server.shutdown()
        server.server_close()

    return f"http://127.0.0.1:{server.server_address[1]}", stop, state
