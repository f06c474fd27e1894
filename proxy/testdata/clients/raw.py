"""Drives a running gateway over bare sockets: what no SDK would send, and what no SDK shows.

Prints "ok NAME" or "FAIL NAME: why" for each case, like the drivers of SDKs.
"""

import json
import os
import socket
import urllib.parse

from blackbox import PROMPT, calls, case, check, control, fresh, main, same

LIMIT = int(os.environ["BLACKBOX_BODY_LIMIT"])


class Line:
    """One connection to the gateway."""

    def __init__(self):
        at = urllib.parse.urlsplit(control("gateway/url")["url"])
        self.socket = socket.create_connection((at.hostname, at.port), timeout=20)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def response(self):
        """Status, headers and body of the next response, with the framing checked."""
        first = self.file.readline()
        check(first.startswith(b"HTTP/1.1 "), f"status line {first!r}")
        status, headers, body = int(first.split()[1]), {}, b""
        for line in iter(self.file.readline, b"\r\n"):
            check(line, "the headers were cut")
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if status == 100:
            return self.response()
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.file.readline(), 16):
                body += self.file.read(size)
                same(self.file.read(2), b"\r\n", "end of a chunk")
            same(self.file.readline(), b"\r\n", "end of the chunks")
        elif "content-length" in headers:
            body = self.file.read(int(headers["content-length"]))
            same(len(body), int(headers["content-length"]), "length of the body")
        else:
            body = self.file.read()
        return status, headers, body


def head(length, path="/v1/chat/completions", method="POST", extra=""):
    fields = f"host: x\r\ncontent-type: application/json\r\nauthorization: Bearer sk-raw-secret\r\n{extra}"
    if length is not None:
        fields += f"content-length: {length}\r\n"
    return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode()


def send(body, extra="x-portkey-cache: simple\r\n", **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    with Line() as line:
        line.send(head(len(body), extra=extra, **more) + body)
        return line.response()


def question(model, prompt=PROMPT, **more):
    return {"model": model, "messages": [{"role": "user", "content": prompt}], **more}


def refused(answer, *statuses):
    """An error of the gateway's own: OpenAI's shape, a trace id, no key."""
    status, headers, body = answer
    check(status in statuses, f"status {status} with {body[:200]!r}, want one of {statuses}")
    error = json.loads(body)["error"]
    check(error["message"] and "type" in error and "code" in error and "param" in error, f"error {error}")
    check(headers.get("x-portkey-trace-id"), "no trace id")
    check(b"sk-raw-secret" not in body, "the key is in the error")
    return error


def alive():
    same(send(b"", path="/healthz", method="GET")[0], 200, "healthz afterwards")


BAD_JSON = {
    "nothing": b"",
    "text": b"hello",
    "an object cut short": b'{"model": "plain--raw", "messages": [{"role": "user", "content": "x"}]',
    "an array": b"[]",
    "null": b"null",
    "two objects": b'{"model": "plain--raw"} {"model": "plain--raw"}',
    "a bare word": b'{"model": plain}',
    "NaN": b'{"model": "plain--raw", "messages": [], "temperature": NaN}',
    "invalid UTF-8": b'{"model": "plain--raw", "messages": [{"role": "user", "content": "a\xff\xfeb"}]}',
    "an overlong UTF-8 slash": b'{"model": "plain--raw", "messages": [{"role": "user", "content": "\xc0\xaf"}]}',
    "a raw control character": b'{"model": "plain--raw", "messages": [{"role": "user", "content": "a\x00b"}]}',
    "brackets a million deep": b'{"model": "plain--raw", "messages": ' + b"[" * 1000000,
}


def bad_json(body):
    for path in ("/v1/chat/completions", "/v1/completions"):
        refused(send(body, path=path), 400)
    same(calls("plain--raw") + calls("unreadable"), 0, "calls")
    alive()


for name, body in BAD_JSON.items():
    case(f"invalid JSON is a 400: {name}", body)(bad_json)


@case("fields of the wrong type are refused, by the gateway or by the provider")
def wrong_types():
    model = fresh()
    for field, value in (
        ("messages", "hello"), ("messages", None), ("messages", [1]), ("messages", {}), ("messages", [[]]),
        ("messages", [{"role": "user", "content": PROMPT}, None]), ("model", 7), ("model", None), ("n", "three"),
    ):  # fmt: skip
        status, _, body = send({**question(model), field: value})
        same(status, 400, f"status with {field} = {value!r}")
        check(json.loads(body)["error"]["message"], "no message")
    alive()


@case("odd but valid bodies are answered")
def odd():
    model = fresh()
    for prompt in ("\ud800", "a\u0000b", "\U0001f469\u200d\U0001f680" * 50, "\u202e" * 10, " \n\t "):
        for cache in ("simple", "semantic"):
            status, _, body = send(question(model, prompt), extra=f"x-portkey-cache: {cache}\r\n")
            check(status in (200, 400), f"status {status} for {prompt[:5]!r}: {body[:200]!r}")
    alive()


@case("a field given twice never takes another request's answer")
def duplicates():
    model = fresh()
    one, two = (f'"messages": {json.dumps([{"role": "user", "content": word}])}' for word in ("first", "second"))
    for order in ((one, two), (two, one)):
        status, headers, body = send(f'{{"model": "{model}", {order[0]}, {order[1]}}}'.encode())
        check(status == 400 or headers["x-portkey-cache-status"] in ("MISS", "DISABLED"), f"{status} {headers}")


@case("the provider gets the client's very bytes")
def bytes_unchanged():
    model = fresh()
    message = r'{"role":"user","content":"\u00e9 \/ é"}'
    body = f'{{ "model":"{model}" ,\n\t"messages":[{message}],"x":1.50e+1,"big":123456789012345678901 }}'
    same(send(body.encode())[0], 200, "status")
    same(control("state", model=model)["last"]["body"], body, "body")


def ordered(body):
    """JSON with the order of its keys and the spelling of its numbers."""
    return json.loads(body, object_pairs_hook=lambda pairs: [p for p in pairs if p[0] not in ("id", "created")], parse_float=str)


@case("a hit is the miss again, but for id and created")
def verbatim():
    for kind, more in (("plain", {"logprobs": True, "n": 2}), ("reasoning", {}), ("gzip", {})):
        asked = question(fresh(kind), **more)
        extra = "x-portkey-cache: simple\r\naccept-encoding: gzip\r\n"
        _, first_headers, first = send(asked)
        _, headers, hit = send(asked)
        same(headers["x-portkey-cache-status"], "HIT", "status")
        same(ordered(hit), ordered(first), "body")
        same(headers["content-type"], first_headers["content-type"], "content type")
        check(json.loads(hit)["id"] != json.loads(first)["id"], "the id is not fresh")
        check(json.loads(hit)["created"] > 1700001000, "created is not fresh")
        send(question(asked["model"], "packed"), extra=extra)
        _, headers, hit = send(question(asked["model"], "packed"))
        check("content-encoding" not in headers, "a client that cannot unpack got a packed answer")
        check(json.loads(hit)["choices"], "no choices")


@case("a replayed stream is well-formed SSE")
def framing():
    model = fresh()
    send(question(model))
    for _ in range(2):
        status, headers, body = send(question(model, stream=True))
        same(status, 200, "status")
        same(headers["x-portkey-cache-status"], "HIT", "status")
        check(headers["content-type"].startswith("text/event-stream"), headers["content-type"])
        events = body.split(b"\n\n")
        same(events[-2:], [b"data: [DONE]", b""], "end")
        for event in events[:-2]:
            check(event.startswith(b"data: ") and b"\n" not in event, f"event {event!r}")
            chunk = json.loads(event[6:])
            same(chunk["object"], "chat.completion.chunk", "object")
            same(chunk["model"], model, "model")
            check("usage" not in chunk, "usage that nobody asked for")


@case("chunked, expected, pipelined and HTTP/1.0 requests")
def transports():
    model = fresh()
    body = json.dumps(question(model)).encode()
    extra = "x-portkey-cache: simple\r\n"
    with Line() as line:
        line.send(head(None, extra=extra + "transfer-encoding: chunked\r\n"))
        for at in range(0, len(body), 9):
            line.send(b"%x\r\n%s\r\n" % (len(body[at : at + 9]), body[at : at + 9]))
        line.send(b"0\r\n\r\n")
        same(line.response()[0], 200, "chunked")
        line.send(head(len(body), extra=extra + "expect: 100-continue\r\n"))
        same(line.file.readline().split()[1], b"100", "expect")
        line.file.readline()
        line.send(body)
        same(line.response()[1]["x-portkey-cache-status"], "HIT", "expect")
        line.send((head(len(body), extra=extra) + body) * 3)
        for n in range(3):
            same(line.response()[1]["x-portkey-cache-status"], "HIT", f"pipelined {n}")
    with Line() as line:
        line.send(head(len(body), extra=extra).replace(b"HTTP/1.1", b"HTTP/1.0") + body)
        same(line.response()[1]["x-portkey-cache-status"], "HIT", "HTTP/1.0")
        same(line.file.read(), b"", "an HTTP/1.0 connection ends")
    same(calls(model), 1, "calls")


@case("clients that vanish, lie or talk nonsense do no harm")
def vanish():
    model = fresh()
    body = json.dumps(question(model)).encode()
    for sent in (
        b"", b"\r\n", b"POST", head(len(body)), head(len(body)) + body[:20], b"\x16\x03\x01\x02\x00\x01\x00" * 20,
        head(-5) + body, head("ten") + body, b"GET / HTTP/9.9\r\n\r\n",
        head(None, extra="transfer-encoding: chunked\r\n") + b"zz\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 50000,
    ):  # fmt: skip
        with Line() as line:
            try:
                line.send(sent)
                line.socket.shutdown(socket.SHUT_WR)
                line.file.read()  # until the gateway closes, too
            except ConnectionError:
                pass
    same(calls(model), 0, "calls")
    alive()


@case("a client that dawdles over its body is a 408")
def dawdle():
    model = fresh()
    body = json.dumps(question(model)).encode()
    with Line() as line:
        line.send(head(len(body)) + body[:20])
        refused(line.response(), 408)  # after the read timeout that the run has set
    same(calls(model), 0, "calls")


@case("two lengths in one request are refused")
def smuggling():
    model = fresh()
    body = json.dumps(question(model)).encode()
    for extra in (f"content-length: {len(body) + 4}\r\n", "transfer-encoding: chunked\r\n"):
        with Line() as line:
            line.send(head(len(body), extra=extra) + body)
            line.socket.shutdown(socket.SHUT_WR)
            try:
                check(b" 200 " not in line.file.readline(), f"{extra!r} was answered")
            except ConnectionError:
                pass
    same(calls(model), 0, "calls")


@case("a length over the limit is refused before the body is sent")
def announced():
    with Line() as line:
        line.send(head(LIMIT + 1))
        refused(line.response(), 413)
    with Line() as line:
        line.send(head(None, extra="transfer-encoding: chunked\r\n"))
        try:
            for _ in range(LIMIT // 65536 + 2):
                line.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        except ConnectionError:
            pass  # it was refused while we still sent
        else:
            refused(line.response(), 413)
    alive()


@case("health, readiness, unknown paths and methods")
def paths():
    for path in ("/healthz", "/readyz"):
        same(send(b"", path=path, method="GET")[0], 200, path)
    for path in ("/", "/v2/chat/completions", "/chat/completions", "/v1", "/%2e%2e/etc/passwd"):
        refused(send(question(fresh()), path=path), 404)
    status, _, body = send(b"", method="GET")
    check(status in (404, 405) and "error" in json.loads(body), f"GET on a POST path: {status} {body[:200]!r}")
    alive()


@case("a query string reaches the provider")
def query():
    send(b"", path="/v1/things?b=2&a=%20x", method="GET")
    same(control("state", model="path:/v1/things")["last"]["path"], "/v1/things?b=2&a=%20x", "path")


@case("headers that make no sense are a 400 that names them")
def headers():
    for extra, name in (
        ("x-portkey-cache: sometimes\r\n", "x-portkey-cache"),
        ('x-portkey-cache: {"mode": "simple", "max_agee": 5}\r\n', "max_agee"),
        ("x-portkey-cache: {\r\n", "x-portkey-cache"),
        ("x-portkey-request-timeout: soon\r\n", "x-portkey-request-timeout"),
        ("x-portkey-request-timeout: -1\r\n", "x-portkey-request-timeout"),
    ):
        error = refused(send(question(fresh()), extra=extra), 400)
        check(name in error["message"], f"{extra!r}: {error['message']!r}")


@case("the cache object of the header is honoured")
def cache_object():
    model = fresh()
    for value, want in (
        ('{"mode": "simple"}', "MISS"), ('{"mode": "simple", "max_age": 3600}', "HIT"),
        ('{"mode": "semantic"}', "HIT"), ('{"mode": "simple", "force_refresh": true}', "REFRESH"),
    ):  # fmt: skip
        _, headers, _ = send(question(model), extra=f"x-portkey-cache: {value}\r\n")
        same(headers["x-portkey-cache-status"], want, value)


@case("keys and prompts stay out of the log")
def log():
    secret = "the colour of my password"
    send(question(fresh(), secret))
    send(question(fresh("e500"), secret))
    send(question(fresh(), secret), extra="x-portkey-provider: nosuch\r\n")
    seen = control("gateway/log")["log"]
    check("sk-" not in seen, "a key is in the log")
    check(secret not in seen, "a prompt is in the log")
    check("panic" not in seen and "goroutine " not in seen, "a panic is in the log")


if __name__ == "__main__":
    raise SystemExit(main())
