"""Drives a running gateway through PyPI's portkey-ai SDK as it is today. Prints "ok NAME" or "FAIL NAME: why"."""

import json
import sys

import portkey_ai
from portkey_ai._vendor import openai

from blackbox import PROMPT, calls, case, check, control, fails, fresh, main, row, same, version

TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
         for name in ("get_weather", "get_time")]  # fmt: skip


def connect(**more):
    more = {"api_key": "pk-gateway", "provider": "box", "Authorization": "Bearer sk-of-the-client", **more}
    return portkey_ai.Portkey(base_url=control("gateway/url")["url"] + "/v1", **more)


def ask(client, model, prompt=PROMPT, stream=False, **params):
    """What a chat answers, and, where it is not streamed, the cache status: the SDK shows no headers of a stream."""
    parsed = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": prompt}], **({"stream": True} if stream else {}), **params
    )
    status = None if stream else {k.lower(): v for k, v in parsed._headers.items()}["x-portkey-cache-status"]
    if not stream:
        message = parsed.choices[0].message
        calls = [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or []]
        return status, message.content, calls
    text, pieces = "", {}
    for chunk in parsed:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                into = pieces.setdefault(call.index, ["", "", ""])
                into[0] += call.id or ""
                into[1] += call.function.name or ""
                into[2] += call.function.arguments or ""
    return status, text or None, [tuple(pieces[n]) for n in sorted(pieces)]


def hits(client, model, **params):
    before = calls(model)
    answer = ask(client, model, **params)
    return calls(model) == before, answer[1:]


for feature, params in {"text": {}, "parallel tool calls": {"tools": TOOLS}}.items():
    for stored in ("plain", "stream"):

        @case(f"{feature}: stored from a {stored} answer, served in both forms", params, stored)
        def round_trip(params, stored):
            client, model = connect(), fresh()
            first = ask(client, model, stream=stored == "stream", **params)[1:]
            for form in ("plain", "stream"):
                same(hits(client, model, stream=form == "stream", **params), (True, first), f"as {form}")
            same(calls(model), 1, "calls")


@case("the SDK's own headers: provider, trace id, metadata, cache namespace and refresh")
def headers():
    model = fresh()
    client = connect(trace_id="trace-42", metadata={"_user": "u"}, cache_namespace="one")
    same(ask(client, model)[0], "SEMANTIC MISS", "first")
    same(ask(client, model)[0], "HIT", "second")
    same(ask(connect(cache_namespace="two"), model)[0], "SEMANTIC MISS", "another namespace")
    same(ask(connect(cache_namespace="one", cache_force_refresh=True), model)[0], "REFRESH", "refresh")
    seen = control("state", model=model)["last"]["headers"]
    same(seen["authorization"], "Bearer sk-of-the-client", "authorization")
    check(not [h for h in seen if h.startswith("x-portkey")], "the gateway's headers leaked")


@case("errors of the provider's and of the gateway's are the SDK's own")
def errors():
    for kind, error, code in (("e429", openai.RateLimitError, 429), ("e500", openai.InternalServerError, 500)):
        for stream in (False, True):
            fails(error, lambda k=kind, s=stream: list(ask(connect(), fresh(k), stream=s)), code)
    problem = fails(openai.BadRequestError, lambda: ask(connect(provider="nobody"), fresh()), 400)
    check("nobody" in str(problem), str(problem))


@case("a reworded question hits, its opposite does not")
def semantic():
    client, model = connect(), fresh()
    for _ in range(2):  # by the second answer the first one is stored
        first = ask(client, model, "How do I enable two-factor authentication?")
    same(ask(client, model, "How can I enable two-factor authentication?"), ("SEMANTIC HIT", *first[1:]), "reworded")
    same(ask(client, model, "How do I disable two-factor authentication?")[0], "SEMANTIC MISS", "opposite")


def pieces(model, stream, tools):
    params = {"tools": TOOLS} if tools else {}
    messages = [{"role": "user", "content": PROMPT}]
    if not stream:
        message = connect().chat.completions.create(model=model, messages=messages, **params).choices[0].message
        return [message.content], [(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or []]
    said, made = [], {}
    for chunk in connect().chat.completions.create(model=model, messages=messages, stream=True, **params):
        for choice in chunk.choices:
            said += [choice.delta.content] if choice.delta.content else []
            for call in choice.delta.tool_calls or []:
                into = made.setdefault(call.index, ["", ""])
                into[0] += call.function.name or ""
                into[1] += call.function.arguments or ""
    return said, [(name, json.loads(text)) for name, text in made.values()]


ERRORS = {"e429": openai.RateLimitError, "e500": openai.InternalServerError, "e400": openai.BadRequestError}
row(f"{version('portkey-ai')} (Python)", pieces, ERRORS)


if __name__ == "__main__":
    sys.exit(main())
