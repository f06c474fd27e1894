"""What the black-box provider says as Cohere's version 2 and as Azure OpenAI, each with what its clients must send.

A mixin of upstream.Handler, with the same models and failures to order. It is written after the providers' own descriptions
and shares nothing with the gateway.
"""

import json

from upstream_dialects import TOOL_CALLS, cut, last_text, text_of

# What Cohere's chat takes; it refuses what it does not know.
COHERE_MEMBERS = {
    "model", "messages", "stream", "tools", "documents", "citation_options", "response_format", "safety_mode", "max_tokens",
    "stop_sequences", "temperature", "seed", "frequency_penalty", "presence_penalty", "k", "p", "logprobs", "tool_choice",
    "strict_tools", "thinking", "priority",
}  # fmt: skip
COHERE_ROLES = {"system", "user", "assistant", "tool"}
HARMLESS = {"hate": {"filtered": False, "severity": "safe"}}


class Clouds:
    filtered = False  # the request came by Azure's paths

    # ---- Cohere

    def answer_cohere(self, body):
        request = json.loads(body)
        key = self.arrived(request["model"], body)
        kind = key.split("--")[0]
        said = {"e429": 429, "e500": 500, "e400": 400, "e401": 401}
        if kind in said:
            return self.reply(said[kind], {"id": f"err-{self.call}", "message": "to order"}, key)
        if not self.headers.get("authorization", "").startswith("Bearer "):
            return self.reply(401, {"id": f"err-{self.call}", "message": "no api key supplied"}, key)
        if unknown := set(request) - COHERE_MEMBERS:
            return self.reply(400, {"id": f"err-{self.call}", "message": f"unknown field: parameter {sorted(unknown)[0]!r} is not valid"}, key)
        if wrong := [m.get("role") for m in request["messages"] if m.get("role") not in COHERE_ROLES]:
            return self.reply(400, {"id": f"err-{self.call}", "message": f"invalid role {wrong[0]!r}"}, key)
        message, finish = {"role": "assistant"}, "COMPLETE"
        if request.get("tools"):
            finish = "TOOL_CALL"
            message["tool_plan"] = "I will look both up."
            message["tool_calls"] = [
                {"id": f"{name}_{self.call}", "type": "function", "function": {"name": name, "arguments": arguments}}
                for name, arguments in TOOL_CALLS
            ]
        else:
            message["content"] = [{"type": "text", "text": text_of(self.call, last_text(request["messages"]))}]
        usage = {"billed_units": {"input_tokens": 5, "output_tokens": 7}, "tokens": {"input_tokens": 11, "output_tokens": 7}}
        answer = {"id": f"co-{key}-{self.call}", "finish_reason": finish, "message": message, "usage": usage}
        if request.get("stream"):
            return self.cohere_stream(key, answer)
        return self.reply(200, answer, key)

    def cohere_stream(self, key, answer):
        def say(kind, **members):
            data = json.dumps({"type": kind, **members}, ensure_ascii=False).encode()
            self.event(b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n")

        message = answer["message"]
        empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        try:
            self.start_stream()
            say("message-start", id=answer["id"], delta={"message": empty})
            for piece in cut(message.get("tool_plan", "")):
                say("tool-plan-delta", delta={"message": {"tool_plan": piece}})
            for index, part in enumerate(message.get("content", [])):
                say("content-start", index=index, delta={"message": {"content": {"type": "text", "text": ""}}})
                for piece in cut(part["text"]):
                    say("content-delta", index=index, delta={"message": {"content": {"text": piece}}})
                say("content-end", index=index)
            for index, call in enumerate(message.get("tool_calls", [])):
                begun = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
                say("tool-call-start", index=index, delta={"message": {"tool_calls": begun}})
                for piece in cut(call["function"]["arguments"]):
                    say("tool-call-delta", index=index, delta={"message": {"tool_calls": {"function": {"arguments": piece}}}})
                say("tool-call-end", index=index)
            say("message-end", delta={"finish_reason": answer["finish_reason"], "usage": answer["usage"]})
            self.end_stream(key)
        except OSError:
            self.close_connection = True
            self.state.note(key, "cancelled")

    # ---- Azure OpenAI, which has OpenAI's bodies, filter results in them, another path and another header for the key

    def answer_azure(self, path, query, body):
        if not query.get("api-version"):
            return self.reply(404, {"error": {"code": "404", "message": "Resource not found"}}, self.arrived("azure", body))
        if not self.headers.get("api-key"):
            denied = "Access denied due to invalid subscription key or wrong API endpoint."
            return self.reply(401, {"error": {"code": "401", "message": denied}}, self.arrived("azure", body))
        self.filtered = True
        try:
            return self.answer_embeddings(body) if path == "/embeddings" else self.complete("/v1" + path, body)
        finally:
            self.filtered = False

    def found(self):
        """What is in each choice beside OpenAI's members."""
        return {"content_filter_results": HARMLESS} if self.filtered else {}

    def first_chunk(self, head):
        """What Azure sends before the first words: what it found in the prompt."""
        found = [{"prompt_index": 0, "content_filter_results": HARMLESS}]
        return {**head, "id": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": found}
