"""Drives a running gateway through PyPI's anthropic SDK. Prints "ok NAME" or "FAIL NAME: why" for each case."""

import json
import sys

import anthropic

from blackbox import PROMPT, calls, case, check, control, fails, fresh, main, reached, row, same, version

TOOLS = [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in ("get_weather", "get_time")]


def connect(mode="simple", key="sk-ant-one"):
    return anthropic.Anthropic(
        base_url=control("gateway/url")["url"], api_key=key, max_retries=0, timeout=20, default_headers={"x-portkey-cache": mode}
    )


def ask(client, model, prompt=PROMPT, stream=False, **params):
    """One message in either form: its headers and itself, put together by hand where it was streamed."""
    params = {"max_tokens": 2000, "messages": [{"role": "user", "content": prompt}], **params}
    raw = client.messages.with_raw_response.create(model=model, stream=stream, **params)
    if not stream:
        return raw.headers, raw.parse().model_dump(exclude_none=True)
    message, blocks, inputs, open_block = None, [], {}, None
    for event in raw.parse():
        check(event.type == "message_start" or message is not None, f"{event.type} before the start")
        if event.type == "message_start":
            message = event.message.model_dump(exclude_none=True)
        elif event.type == "content_block_start":
            same((event.index, open_block), (len(blocks), None), "block order")
            open_block = event.index
            blocks.append(event.content_block.model_dump(exclude_none=True))
        elif event.type == "content_block_delta":
            same(event.index, open_block, "the block of a piece")
            delta, block = event.delta, blocks[event.index]
            if delta.type == "input_json_delta":
                inputs[event.index] = inputs.get(event.index, "") + delta.partial_json
            elif delta.type == "citations_delta":
                block.setdefault("citations", []).append(delta.citation.model_dump(exclude_none=True))
            else:
                member = delta.type.removesuffix("_delta")
                block[member] += getattr(delta, member)
        elif event.type == "content_block_stop":
            same(event.index, open_block, "the block that ends")
            open_block = None
        elif event.type == "message_delta":
            message["stop_reason"] = event.delta.stop_reason
            message["usage"]["output_tokens"] = event.usage.output_tokens
        else:
            same(event.type, "message_stop", "event")
    for index, text in inputs.items():
        if text:
            blocks[index]["input"] = json.loads(text)
    return raw.headers, {**message, "content": blocks}


def status(headers):
    return headers["x-portkey-cache-status"]


for feature, (kind, params) in {
    "text": ("plain", {}),
    "system prompt": ("plain", {"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]}),
    "parallel tool calls": ("plain", {"tools": TOOLS}),
    "thinking": ("plain", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
    "citations": ("cited", {}),
}.items():
    for stored in ("plain", "stream"):

        @case(f"{feature}: stored from a {stored} answer, served in both forms", kind, params, stored)
        def round_trip(kind, params, stored):
            client, model = connect(), fresh(kind)
            headers, first = ask(client, model, stream=stored == "stream", **params)
            same(status(headers), "MISS", "status of the first")
            ids = {first.pop("id")}
            for form in ("plain", "stream", "plain"):
                headers, hit = ask(client, model, stream=form == "stream", **params)
                same(status(headers), "HIT", f"status as {form}")
                known = hit.pop("id")
                same(hit, first, f"message as {form}")
                check(known not in ids and known.startswith("msg_"), f"the id {known} as {form} is not fresh")
                ids.add(known)
            same(calls(model), 1, "calls")


@case("the SDK's own stream helper takes a hit")
def helper():
    client, model = connect(), fresh()
    _, first = ask(client, model)
    with client.messages.stream(model=model, max_tokens=2000, messages=[{"role": "user", "content": PROMPT}]) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    same(text, first["content"][0]["text"], "text")
    same((final.stop_reason, final.usage.output_tokens), ("end_turn", 7), "end")
    same(calls(model), 1, "calls")


@case("a reworded question hits, its opposite and another system prompt do not")
def semantic():
    client, model = connect("semantic"), fresh()
    _, first = ask(client, model, "How do I enable two-factor authentication?")
    check("x-reprise-entry" in ask(client, model, "How do I enable two-factor authentication?")[0], "not stored")  # and it is now
    headers, hit = ask(client, model, "How can I enable two-factor authentication?", stream=True)
    same((status(headers), hit["content"]), ("SEMANTIC HIT", first["content"]), "reworded")
    same(status(ask(client, model, "How do I disable two-factor authentication?")[0]), "SEMANTIC MISS", "opposite")
    headers, _ = ask(client, model, "How can I enable two-factor authentication?", system="Be brief.")
    same(status(headers), "SEMANTIC MISS", "system prompt")


@case("errors of the provider's and of the gateway's are the SDK's own")
def errors():
    client = connect()
    for kind, error, code in (
        ("e429", anthropic.RateLimitError, 429), ("e500", anthropic.InternalServerError, 500), ("e401", anthropic.AuthenticationError, 401),
        ("e400", anthropic.BadRequestError, 400), ("e404", anthropic.NotFoundError, 404), ("e529", anthropic.APIStatusError, 529),
    ):  # fmt: skip
        for stream in (False, True):
            problem = fails(error, lambda k=kind, s=stream: ask(client, fresh(k), stream=s), code)
            same(problem.body["error"]["message"], "to order", f"message of {kind}")
    for headers, error, code, word in (
        ({"x-portkey-cache": "sometimes"}, anthropic.BadRequestError, 400, "x-portkey-cache"),
        ({"x-portkey-provider": "nobody"}, anthropic.BadRequestError, 400, "nobody"),
        ({"x-portkey-provider": "dead"}, anthropic.APIStatusError, 502, "dead"),
        ({"cache-control": "only-if-cached"}, anthropic.APIStatusError, 504, "only-if-cached"),
    ):
        problem = fails(error, lambda h=headers: ask(client, fresh(), extra_headers=h), code)
        same(problem.body["type"], "error", "type of the body")
        check(word in problem.body["error"]["message"], f"message {problem.body}")
        check(problem.body["request_id"], "no trace id")
        check("sk-ant" not in str(problem.body), "the key is in the error")


@case("a stream that fails or ends too early is told, and never stored")
def broken():
    client = connect()
    for kind in ("midway", "cut"):
        model = fresh(kind)
        for _ in range(2):
            try:
                ask(client, model, stream=True)
            except anthropic.APIError as problem:
                same(kind, "midway", f"{problem}")
        same(calls(model), 2, f"calls of {kind}")


@case("two keys do not share answers, and the version and betas go to the provider")
def keys():
    model = fresh()
    for key, want in (("sk-ant-one", "MISS"), ("sk-ant-two", "MISS"), ("sk-ant-one", "HIT")):
        same(status(ask(connect(key=key), model)[0]), want, key)
    ask(connect(), model, extra_headers={"anthropic-beta": "b-1"})
    seen = control("state", model=model)["last"]["headers"]
    sent = seen.get("x-api-key") or seen["authorization"].removeprefix("Bearer ")  # older SDKs, newer ones
    same((sent, seen["anthropic-beta"]), ("sk-ant-one", "b-1"), "headers")
    check(seen["anthropic-version"], "no version")
    same(calls(model), 3, "calls")
    ask(anthropic.Anthropic(base_url=control("gateway/url")["url"], auth_token="bearer-one", api_key=None, max_retries=0), model)
    same(control("state", model=model)["last"]["headers"]["authorization"], "Bearer bearer-one", "bearer")


@case("tokens are counted by the provider")
def count():
    same(connect().messages.count_tokens(model="plain", messages=[{"role": "user", "content": PROMPT}]).input_tokens, 11, "tokens")
    reached("path:/v1/messages/count_tokens", "calls")


def pieces(model, stream, tools):
    params = {"model": model, "max_tokens": 2000, "messages": [{"role": "user", "content": PROMPT}]}
    if tools:
        params["tools"] = TOOLS
    said = []
    if stream:
        with connect().messages.stream(**params) as streamed:
            said = list(streamed.text_stream)
            answer = streamed.get_final_message()
    else:
        answer = connect().messages.create(**params)
    made = [(block.name, block.input) for block in answer.content if block.type == "tool_use"]
    return said or [block.text for block in answer.content if block.type == "text"], made


ERRORS = {
    "e429": anthropic.RateLimitError, "e500": anthropic.InternalServerError, "e400": anthropic.BadRequestError,
    "e401": anthropic.AuthenticationError,
}  # fmt: skip
row(f"{version('anthropic')} (Python)", pieces, ERRORS)


if __name__ == "__main__":
    sys.exit(main())
