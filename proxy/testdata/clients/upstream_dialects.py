"""What the black-box provider says beyond OpenAI's completions: Anthropic's Messages, OpenAI's Responses and embeddings.

A mixin of upstream.Handler, with the same models and failures to order. The streams are written out by hand, event for
event as the providers send them, and share nothing with the gateway's own.
"""

import base64
import hashlib
import json
import struct

THOUGHT = "First I think, then I answer."
SIGNATURE = "EqQBCkYIARgC" * 12 + "=="
TOOL_CALLS = [("get_weather", '{"city": "Zürich", "unit": "celsius"}'), ("get_time", "{}")]


def text_of(call, asked):
    return f"Call {call}, to {asked[:60]!r}. Naïve café, 日本語, emoji 🎉👩‍🚀 and a \"quoted\" \\ backslash."


def cut(text, size=7):
    return [text[at : at + size] for at in range(0, len(text), size)]


def last_text(turns):
    content = turns if isinstance(turns, str) else turns[-1].get("content", "")
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


class Dialects:
    def typed(self, kind, **members):
        data = json.dumps({"type": kind, **members}, ensure_ascii=False).encode()
        self.event(b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n")

    def typed_stream(self, key, events):
        """Sends events, some of which are the behaviours that a model's name orders."""
        kind = key.split("--")[0]
        try:
            self.start_stream()
            for n, (name, members) in enumerate(events):
                if n == 4 and kind == "cut":
                    return self.end_stream(key)
                if n == 4 and kind == "midway":
                    self.typed("error", error={"type": "overloaded_error", "message": "it lost its thread"})
                    return self.end_stream(key)
                self.typed(name, **members)
            self.end_stream(key)
        except OSError:
            self.close_connection = True
            self.state.note(key, "cancelled")

    # ---- Anthropic

    def answer_messages(self, body):
        request = json.loads(body)
        key = self.arrived(request["model"], body)
        kind = key.split("--")[0]
        failures = {
            "e429": (429, "rate_limit_error"), "e500": (500, "api_error"), "e529": (529, "overloaded_error"),
            "e401": (401, "authentication_error"), "e400": (400, "invalid_request_error"), "e404": (404, "not_found_error"),
        }  # fmt: skip
        if kind in failures:
            status, error = failures[kind]
            return self.reply(status, {"type": "error", "error": {"type": error, "message": "to order"}}, key)
        if not request.get("messages") or not self.headers.get("anthropic-version"):
            error = {"type": "invalid_request_error", "message": "messages: field required, or no anthropic-version"}
            return self.reply(400, {"type": "error", "error": error}, key)
        content, stop = [], "end_turn"
        if request.get("thinking"):
            content.append({"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE})
        if kind == "cited":
            citation = {"type": "char_location", "cited_text": "Parts.", "document_index": 0, "document_title": "W",
                        "start_char_index": 0, "end_char_index": 6, "file_id": None}  # fmt: skip
            content.append({"type": "text", "text": "As it says: ", "citations": None})
            content.append({"type": "text", "text": text_of(self.call, "cited"), "citations": [citation]})
        elif request.get("tools"):
            stop = "tool_use"
            for n, (name, arguments) in enumerate(TOOL_CALLS):
                content.append({"type": "tool_use", "id": f"toolu_{self.call}_{n}", "name": name, "input": json.loads(arguments)})
        else:
            content.append({"type": "text", "text": text_of(self.call, last_text(request["messages"])), "citations": None})
        message = {
            "id": f"msg_{key}_{self.call}", "type": "message", "role": "assistant", "model": key, "content": content,
            "stop_reason": stop, "stop_sequence": None,
            "usage": {"input_tokens": 11, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3,
                      "output_tokens": 7, "service_tier": "standard"},
        }  # fmt: skip
        if request.get("stream"):
            return self.typed_stream(key, self.message_events(message))
        return self.reply(200, message, key)

    @staticmethod
    def message_events(message):
        begun = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
        yield "message_start", {"message": begun}
        yield "ping", {}
        for index, block in enumerate(message["content"]):
            at = {"index": index}
            if block["type"] == "text":
                yield "content_block_start", {**at, "content_block": {**block, "text": "", "citations": block["citations"] and []}}
                deltas = [{"type": "text_delta", "text": piece} for piece in cut(block["text"])]
                deltas += [{"type": "citations_delta", "citation": c} for c in block["citations"] or []]
            elif block["type"] == "thinking":
                yield "content_block_start", {**at, "content_block": {**block, "thinking": "", "signature": ""}}
                deltas = [{"type": "thinking_delta", "thinking": piece} for piece in cut(block["thinking"])]
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
            else:
                yield "content_block_start", {**at, "content_block": {**block, "input": {}}}
                source = json.dumps(block["input"], ensure_ascii=False) if block["input"] else ""
                deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *cut(source)]]
            for delta in deltas:
                yield "content_block_delta", {**at, "delta": delta}
            yield "content_block_stop", at
        end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        yield "message_delta", {"delta": end, "usage": {"output_tokens": message["usage"]["output_tokens"]}}
        yield "message_stop", {}

    # ---- OpenAI's Responses

    def answer_responses(self, body):
        request = json.loads(body)
        key = self.arrived(request["model"], body)
        kind = key.split("--")[0]
        if failing := getattr(self, "fail_" + kind, None):
            return failing(request, key)
        output = []
        if request.get("reasoning"):
            summary = [{"type": "summary_text", "text": THOUGHT}]
            output.append({"type": "reasoning", "id": f"rs_{self.call}", "summary": summary})
        if request.get("tools"):
            for n, (name, arguments) in enumerate(TOOL_CALLS):
                output.append({"type": "function_call", "id": f"fc_{self.call}_{n}", "call_id": f"call_{self.call}_{n}",
                               "name": name, "arguments": arguments, "status": "completed"})  # fmt: skip
        else:
            part = {"type": "output_text", "text": text_of(self.call, last_text(request["input"])), "annotations": [], "logprobs": []}
            if kind == "refusal":
                part = {"type": "refusal", "refusal": f"Call {self.call}: I cannot help with that."}
            output.append({"type": "message", "id": f"msg_{self.call}", "status": "completed", "role": "assistant", "content": [part]})
        details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        response = {
            "id": f"resp_{key}_{self.call}", "object": "response", "created_at": 1700000000 + self.call, "status": "completed",
            "error": None, "incomplete_details": None, "instructions": request.get("instructions"), "model": key,
            "metadata": request.get("metadata") or {}, "output": output, "parallel_tool_calls": True, "temperature": 1.0,
            "tool_choice": "auto", "tools": [], "top_p": 1.0, "store": request.get("store", True), "user": request.get("user"),
            "usage": {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18, **details},
        }  # fmt: skip
        if request.get("stream"):
            return self.typed_stream(key, self.response_events(response))
        return self.reply(200, response, key)

    @staticmethod
    def response_events(response):
        events = []

        def say(kind, /, **members):
            events.append((kind, {"sequence_number": len(events), **members}))

        begun = {**response, "status": "in_progress", "output": [], "usage": None}
        say("response.created", response=begun)
        say("response.in_progress", response=begun)
        for index, item in enumerate(response["output"]):
            at = {"output_index": index, "item_id": item["id"]}
            empty = {name: [] for name in ("content", "summary") if name in item}
            say("response.output_item.added", output_index=index, item={**item, **empty, **({"arguments": ""} if "arguments" in item else {})})
            if item["type"] == "function_call":
                for piece in cut(item["arguments"]):
                    say("response.function_call_arguments.delta", **at, delta=piece, obfuscation="x")
                say("response.function_call_arguments.done", **at, name=item["name"], arguments=item["arguments"])
            for n, part in enumerate(item.get("summary", [])):
                here = {**at, "summary_index": n}
                say("response.reasoning_summary_part.added", **here, part={**part, "text": ""})
                for piece in cut(part["text"]):
                    say("response.reasoning_summary_text.delta", **here, delta=piece)
                say("response.reasoning_summary_text.done", **here, text=part["text"])
                say("response.reasoning_summary_part.done", **here, part=part)
            for n, part in enumerate(item.get("content", [])):
                here, member = {**at, "content_index": n}, "refusal" if part["type"] == "refusal" else "text"
                event = "response.refusal" if member == "refusal" else "response.output_text"
                more = {"logprobs": []} if member == "text" else {}
                say("response.content_part.added", **here, part={**part, member: ""})
                for piece in cut(part[member]):
                    say(event + ".delta", **here, delta=piece, **more)
                say(event + ".done", **here, **{member: part[member]}, **more)
                say("response.content_part.done", **here, part=part)
            say("response.output_item.done", output_index=index, item=item)
        say("response.completed", response=response)
        return events

    # ---- embeddings

    def answer_embeddings(self, body):
        request = json.loads(body)
        key = self.arrived(request["model"], body)
        if failing := getattr(self, "fail_" + key.split("--")[0], None):
            return failing(request, key)
        inputs = request["input"]
        if isinstance(inputs, str) or isinstance(inputs[0], int):
            inputs = [inputs]
        data = []
        for index, text in enumerate(inputs):
            seed = hashlib.sha256(json.dumps([text, self.call]).encode()).digest()
            vector = [byte / 256 for byte in seed[: request.get("dimensions", 8)]]
            if request.get("encoding_format") == "base64":
                vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            data.append({"object": "embedding", "index": index, "embedding": vector})
        tokens = sum(len(text) for text in inputs)
        return self.reply(200, {"object": "list", "data": data, "model": key, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}, key)
