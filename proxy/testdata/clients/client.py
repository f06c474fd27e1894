"""Drives a running gateway through PyPI's openai SDK. Prints "ok NAME" or "FAIL NAME: why" for each case.

The environment names the black-box provider's address (BLACKBOX_CONTROL). client.mjs holds the same cases for npm's SDK.
"""

import json
import os
import re
import sys
import threading
import time

import openai

from blackbox import PROMPT, bare, calls, case, check, control, fails, fresh, main, reached, row, same, version

TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("get_weather", "get_time")
]
# What is asked, and the provider's behaviour that answers it.
FEATURES = {
    "text": ("plain", {}),
    "torn utf-8 stream": ("split", {}),
    "compressed answer": ("gzip", {}),
    "parallel tool calls": ("plain", {"tools": TOOLS, "tool_choice": "auto", "parallel_tool_calls": True}),
    "three choices": ("plain", {"n": 3}),
    "three choices of tool calls": ("plain", {"n": 3, "tools": TOOLS}),
    "logprobs": ("plain", {"logprobs": True, "top_logprobs": 1, "n": 2}),
    "refusal": ("refusal", {}),
    "reasoning": ("reasoning", {}),
}
def connect(api_key="sk-one", **more):
    return openai.OpenAI(
        base_url=control("gateway/url")["url"] + "/v1",
        api_key=api_key,
        max_retries=0,
        timeout=20,
        default_headers={"x-portkey-cache": "simple"},
        **more,
    )


class Answer:
    """One answer in either form: its choices as a plain body has them, headers, id and usage."""

    def __init__(self, raw, parsed):
        self.headers = raw.headers
        self.status = raw.headers.get("x-portkey-cache-status")
        if hasattr(parsed, "choices"):
            self.id, self.usage = parsed.id, parsed.usage
            self.choices = [bare(c.model_dump()) for c in parsed.choices]
        else:
            self.assemble(list(parsed))

    def assemble(self, chunks):
        check(chunks, "an empty stream")
        self.id, self.usage = chunks[0].id, None
        self.usage_chunks = [n for n, c in enumerate(chunks) if not c.choices]
        choices = {}
        for chunk in chunks:
            same(chunk.id, self.id, "the id within one stream")
            self.usage = chunk.usage or self.usage
            for part in chunk.choices:
                part = bare(part.model_dump())
                into = choices.setdefault(part["index"], {"index": part["index"]})
                check("finish_reason" not in into, "a delta after the finish reason")
                if "text" in part:
                    into["text"] = into.get("text", "") + part["text"]
                else:
                    into.setdefault("message", {})
                    merge(into["message"], part["delta"])
                for kind, probs in part.get("logprobs", {}).items():
                    into.setdefault("logprobs", {}).setdefault(kind, []).extend(probs)
                if "finish_reason" in part:
                    into["finish_reason"] = part["finish_reason"]
        self.choices = [choices[i] for i in sorted(choices)]
        same([c["index"] for c in self.choices], list(range(len(choices))), "choice indexes")
        for choice in self.choices:
            check("finish_reason" in choice, "a choice without a finish reason")
            message = choice.get("message")
            if message is not None:
                same(message.get("role"), "assistant", "role")
                if "tool_calls" in message:
                    same(sorted(message["tool_calls"]), list(range(len(message["tool_calls"]))), "tool call indexes")
                    message["tool_calls"] = [message["tool_calls"][i] for i in sorted(message["tool_calls"])]
                if message.get("content") == "" and (message.get("refusal") or message.get("tool_calls")):
                    del message["content"]


def merge(message, delta):
    for field, value in delta.items():
        if field == "role":
            message["role"] = value
        elif field == "tool_calls":
            for piece in value:
                into = message.setdefault("tool_calls", {}).setdefault(piece["index"], {})
                function = piece.get("function", {})
                for known in ("id", "type"):
                    if known in piece:
                        check(known not in into, f"tool call {known} twice")
                        into[known] = piece[known]
                whole = into.setdefault("function", {"arguments": ""})
                if "name" in function:
                    whole["name"] = whole.get("name", "") + function["name"]
                whole["arguments"] += function.get("arguments", "")
        else:
            message[field] = message.get(field, "") + value


def ask(client, model, prompt=PROMPT, headers=None, legacy=False, **params):
    if legacy:
        raw = client.completions.with_raw_response.create(model=model, prompt=prompt, extra_headers=headers, **params)
    else:
        messages = params.pop("messages", [{"role": "user", "content": prompt}])
        raw = client.chat.completions.with_raw_response.create(
            model=model, messages=messages, extra_headers=headers, **params
        )
    return Answer(raw, raw.parse())


def text(answer):
    return answer.choices[0]["message"]["content"]


def round_trip(legacy, kind, params, stored):
    client, model = connect(), fresh(kind)
    first = ask(client, model, legacy=legacy, stream=stored == "stream", **params)
    same(first.status, "MISS", "status of the first")
    ids = {first.id}
    for form in ("plain", "stream", "plain"):
        hit = ask(client, model, legacy=legacy, stream=form == "stream", **params)
        same(hit.status, "HIT", f"status as {form}")
        same(hit.choices, first.choices, f"choices as {form}")
        check(hit.id not in ids, f"the id {hit.id} as {form} is not fresh")
        ids.add(hit.id)
    same(calls(model), 1, "calls")


for feature, (kind, params) in FEATURES.items():
    for stored in ("plain", "stream"):
        case(f"{feature}: stored from a {stored} answer, served in both forms", False, kind, params, stored)(round_trip)
for feature, params in {"text": {}, "three choices": {"n": 3}}.items():
    for stored in ("plain", "stream"):
        name = f"legacy completion, {feature}: stored from a {stored} answer, served in both forms"
        case(name, True, "plain", params, stored)(round_trip)


@case("reworded question hits, its opposite does not")
def semantic():
    client, model = connect(), fresh()
    semantic = {"x-portkey-cache": "semantic"}
    first = ask(client, model, "How do I enable two-factor authentication?", semantic)
    same(first.status, "SEMANTIC MISS", "status of the first")
    again = ask(client, model, "How do I enable two-factor authentication?", semantic)
    same(again.status, "HIT", "status of the repeat")
    for prompt in ("How can I enable two-factor authentication?", "please tell me how to enable two factor authentication"):
        for form in ({}, {"stream": True}):
            reworded = ask(client, model, prompt, semantic, **form)
            similarity = reworded.headers.get("x-reprise-similarity")
            same(reworded.status, "SEMANTIC HIT", f"status of {prompt!r} ({similarity})")
            same(text(reworded), text(first), "answer")
            check(0.5 < float(similarity) < 1, f"similarity {similarity}")
    for trap in ("How do I disable two-factor authentication?", "How do I not enable two-factor authentication?"):
        opposite = ask(client, model, trap, semantic)
        same(opposite.status, "SEMANTIC MISS", f"status of {trap!r}")
        check(text(opposite) != text(first), "the opposite was answered from the cache")
    same(calls(model), 3, "calls")


@case("numbers keep reworded questions apart")
def numbers():
    client, model = connect(), fresh()
    semantic = {"x-portkey-cache": "semantic"}
    ask(client, model, "How many days of holiday do I have after 3 years?", semantic)
    other = ask(client, model, "How many days of holiday do I have after 5 years?", semantic)
    same(other.status, "SEMANTIC MISS", "status")
    same(calls(model), 2, "calls")


@case("simple mode does not answer a reworded question")
def simple():
    client, model = connect(), fresh()
    ask(client, model, "How do I enable two-factor authentication?")
    same(ask(client, model, "How can I enable two-factor authentication?").status, "MISS", "status")


@case("an earlier turn, the system prompt and the temperature keep questions apart")
def scope():
    client, model = connect(), fresh()
    user = {"role": "user", "content": PROMPT}
    asked = [
        ([user], {}),
        ([{"role": "system", "content": "Be brief."}, user], {}),
        ([{"role": "system", "content": "Be long."}, user], {}),
        ([user, {"role": "assistant", "content": "Parts."}, user], {}),
        ([user], {"temperature": 0.5}),
        ([user], {"extra_body": {"no_such_field": 1}}),
    ]
    for mode in ("semantic", "simple"):
        for messages, params in asked:
            ask(client, model, messages=messages, headers={"x-portkey-cache": mode}, **params)
    same(calls(model), len(asked), "calls")


@case("usage is kept, and streamed only when asked for")
def usage():
    client, model = connect(), fresh()
    first = ask(client, model)
    same(first.usage.total_tokens, 18, "usage of the miss")
    same(ask(client, model).usage, first.usage, "usage of the hit")
    same(ask(client, model, stream=True).usage, None, "usage of a stream that did not ask")
    asked = ask(client, model, stream=True, stream_options={"include_usage": True})
    same(asked.status, "HIT", "status")
    same(asked.usage and asked.usage.total_tokens, 18, "usage of a stream that asked")
    same(len(asked.usage_chunks), 1, "usage chunks")


@case("usage of a stored stream is served to a plain client")
def usage_from_stream():
    client, model = connect(), fresh()
    first = ask(client, model, stream=True, stream_options={"include_usage": True})
    same(first.usage.total_tokens, 18, "usage of the stream")
    hit = ask(client, model)
    same(hit.status, "HIT", "status")
    same(hit.usage and hit.usage.total_tokens, 18, "usage of the hit")
    same(calls(model), 1, "calls")


@case("response headers")
def headers():
    client, model = connect(), fresh()
    given = {"x-portkey-trace-id": "trace-42"}
    first = ask(client, model, headers=given).headers
    same(first["x-portkey-trace-id"], "trace-42", "trace id")
    same(first["x-cache"], "miss", "x-cache")
    same(first["x-portkey-provider"], "box", "provider")
    same(first["x-request-id"], "req-1", "the provider's own header")
    check("upstream" in first["server-timing"], f"server-timing {first['server-timing']!r}")
    hit = ask(client, model).headers
    same(hit["x-cache"], "hit", "x-cache")
    check(re.fullmatch(r"[0-9a-f]{16}", hit["x-reprise-entry"]), f"entry {hit['x-reprise-entry']!r}")
    check(0 <= int(hit["age"]) < 60, f"age {hit['age']!r}")
    check(hit["x-portkey-trace-id"], "no trace id was made")
    check("key" in hit["server-timing"], f"server-timing {hit['server-timing']!r}")


@case("the provider sees the body and the key that the client sent")
def unchanged():
    client, model = connect("sk-of-the-client"), fresh()
    ask(client, model, extra_body={"made_up": {"b": [1, 2.50], "a": "ü"}}, seed=7)
    last = control("state", model=model)["last"]
    body = json.loads(last["body"])
    same(body["made_up"], {"b": [1, 2.5], "a": "ü"}, "unknown field")
    same(sorted(body), ["made_up", "messages", "model", "seed"], "fields")
    same(last["headers"]["authorization"], "Bearer sk-of-the-client", "authorization")
    check(not [h for h in last["headers"] if h.startswith(("x-portkey", "x-reprise"))], "the gateway's headers leaked")


@case("two API keys do not share answers")
def keys():
    model = fresh()
    same(ask(connect("sk-one"), model).status, "MISS", "first key")
    same(ask(connect("sk-two"), model).status, "MISS", "second key")
    same(ask(connect("sk-one"), model).status, "HIT", "first key again")
    same(calls(model), 2, "calls")


@case("namespaces do not share answers")
def namespaces():
    client, model = connect(), fresh()
    for mode, miss in (("simple", "MISS"), ("semantic", "HIT")):
        for name in ("red", "blue"):
            header = {"x-portkey-cache-namespace": name, "x-portkey-cache": mode}
            same(ask(client, model, headers=header).status, miss, f"{mode} in {name}")
    alias = ask(client, model, headers={"x-reprise-cache-namespace": "red"})
    same(alias.status, "HIT", "by the other spelling of the header")
    same(ask(client, model).status, "MISS", "the default namespace")
    same(calls(model), 3, "calls")


@case("force refresh and no-cache overwrite")
def refresh():
    client, model = connect(), fresh()
    ask(client, model)
    for n, header in enumerate(({"x-portkey-cache-force-refresh": "true"}, {"cache-control": "no-cache"}), 2):
        forced = ask(client, model, headers=header)
        same(forced.status, "REFRESH", f"status with {header}")
        check(f"Call {n}," in text(forced), f"answer {text(forced)!r}")
        hit = ask(client, model)
        same((hit.status, text(hit)), ("HIT", text(forced)), "what is stored now")


@case("no-store neither reads nor writes")
def no_store():
    client, model = connect(), fresh()
    header = {"cache-control": "no-store"}
    same(ask(client, model, headers=header).status, "DISABLED", "status")
    same(ask(client, model).status, "MISS", "nothing was written")
    check("Call 3," in text(ask(client, model, headers=header)), "the stored answer was read")
    same(calls(model), 3, "calls")


@case("max-age serves nothing older")
def max_age():
    client, model = connect(), fresh()
    ask(client, model)
    same(ask(client, model, headers={"cache-control": "max-age=3600"}).status, "HIT", "young enough")
    until = time.monotonic() + 15
    while int(ask(client, model).headers["age"]) < 2:  # age is told in whole seconds
        check(time.monotonic() < until, "the age never grew")
        time.sleep(0.1)
    check(ask(client, model, headers={"cache-control": "max-age=1"}).status != "HIT", "an old answer was served")
    same(calls(model), 2, "calls")


@case("only-if-cached answers 504 on a miss and calls nobody")
def only_if_cached():
    client, model = connect(), fresh()
    header = {"cache-control": "only-if-cached"}
    fails(openai.InternalServerError, lambda: ask(client, model, headers=header), 504)
    same(calls(model), 0, "calls")
    ask(client, model)
    same(ask(client, model, headers=header).status, "HIT", "status once stored")


def provider_fails(kind, error, status, streamed):
    client, model = connect(), fresh(kind)
    for _ in range(2):
        problem = fails(error, lambda: ask(client, model, stream=streamed), status)
    same(calls(model), 2, "calls (an error was cached)")
    if kind == "e429":
        same(problem.code, "rate_limit_exceeded", "code")
        same(problem.response.headers["retry-after"], "7", "retry-after")
    check(problem.body, "the error has no body in the provider's shape")


for streamed in (False, True):
    form = "streamed" if streamed else "plain"
    for kind, error, status in (
        ("e429", openai.RateLimitError, 429),
        ("e500", openai.InternalServerError, 500),
        ("html", openai.InternalServerError, 502),
    ):
        case(f"provider's {kind.strip('e')}, {form}", kind, error, status, streamed)(provider_fails)
    for kind in ("garbage", "empty", "long", "short"):
        if not streamed:
            case(f"provider's answer is {kind}", kind, openai.InternalServerError, 502, streamed)(provider_fails)


def broken_stream(kind):
    client, model = connect(), fresh(kind)
    for n in (1, 2):
        fails(Exception, lambda: ask(client, model, stream=True))
        same(calls(model), n, "calls")
    if kind != "garbage":  # which has no plain answer either
        same(ask(client, model).status, "MISS", "a plain request afterwards")


for kind in ("break", "cut", "midway", "garbage"):
    case(f"a stream that ends in {kind} is an error and is not stored", kind)(broken_stream)


@case("a stalled provider is a 504 after the request's own timeout")
def stall():
    client, model = connect(), fresh("stall")
    header = {"x-portkey-request-timeout": "300"}
    for form in ({}, {"stream": True}):
        problem = fails(openai.InternalServerError, lambda form=form: ask(client, model, headers=header, **form), 504)
        check(problem.body, "the error has no body")
    reached(model, "cancelled", 2)


@case("the first bytes of a stream arrive while the provider still writes")
def first_byte():
    client, model = connect(), fresh("gate")
    stream = client.chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}], stream=True)
    next(stream)  # would block until the client's timeout if the gateway waited for the whole
    control("release", model=model)
    check(list(stream)[-1].choices[0].finish_reason == "stop", "the stream did not finish")
    same(ask(client, model).status, "HIT", "status")


@case("a client that leaves mid-stream frees the provider and stores nothing")
def leaves():
    client, model = connect(), fresh("gate")
    stream = client.chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}], stream=True)
    next(stream)
    stream.close()
    reached(model, "cancelled")
    control("release", model=model)
    same(ask(client, model).status, "MISS", "status of the next")
    same(calls(model), 2, "calls")


@case("one of two sharing clients leaves, the other gets the whole stream")
def one_leaves():
    client, model = connect(), fresh("gate")
    messages = [{"role": "user", "content": PROMPT}]
    leader = client.chat.completions.create(model=model, messages=messages, stream=True)
    next(leader)
    follower = client.chat.completions.create(model=model, messages=messages, stream=True)
    first = next(follower)
    leader.close()
    control("release", model=model)
    check([first, *follower][-1].choices[0].finish_reason == "stop", "the follower's stream did not finish")
    same(calls(model), 1, "calls")


def together(streams):
    """Equal requests at once, some streamed and some plain; nobody may be answered by a second call."""
    client, model = connect(), fresh("gate")
    answers, problems = [], []

    def one(streamed):
        try:
            answers.append(ask(client, model, stream=streamed))
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=one, args=(streamed,)) for streamed in streams]
    for thread in threads:
        thread.start()
    reached(model, "held")
    control("release", model=model)
    for thread in threads:
        thread.join(30)
    same(problems, [], "errors")
    same(len({text(a) for a in answers}), 1, "different answers")
    same(len(answers), len(streams), "answers")
    same(calls(model), 1, "calls")


case("equal plain requests in flight share one call", [False] * 8)(together)
case("equal streamed requests in flight share one call", [True] * 8)(together)


@case("an unknown provider is a 400 that names it")
def unknown_provider():
    client, model = connect(), fresh()
    problem = fails(openai.BadRequestError, lambda: ask(client, model, headers={"x-portkey-provider": "nosuch"}), 400)
    check("nosuch" in str(problem), str(problem))
    same(calls(model), 0, "calls")


@case("a provider that cannot be reached is a 502")
def unreachable():
    client = connect("sk-very-secret")
    header = {"x-portkey-provider": "dead"}
    problem = fails(openai.InternalServerError, lambda: ask(client, fresh(), headers=header), 502)
    check(problem.body and "sk-very-secret" not in str(problem), str(problem))


@case("empty prompts")
def empty():
    client, model = connect(), fresh()
    for mode in ("semantic", "simple"):
        ask(client, model, "", {"x-portkey-cache": mode})
    same(calls(model), 1, "calls")
    fails(openai.BadRequestError, lambda: ask(client, model, messages=[]), 400)
    same(calls(model), 2, "an empty list is the provider's to refuse")
    fails(openai.BadRequestError, lambda: ask(client, model, messages=[]), 400)
    same(calls(model), 3, "calls (the refusal was cached)")


@case("a huge prompt is answered and stored")
def huge():
    client, model = connect(), fresh()
    prompt = "All work and no play makes a dull cache. " * 20000  # 820 kB
    for mode, want in (("semantic", "MISS"), ("simple", "HIT")):  # too long to embed: the exact tier alone decides
        same(ask(client, model, prompt, {"x-portkey-cache": mode}).status, want, mode)
    same(calls(model), 1, "calls")


@case("a body over the limit is a 413")
def over_limit():
    client, model = connect(), fresh()
    limit = int(os.environ["BLACKBOX_BODY_LIMIT"])
    problem = fails(openai.APIStatusError, lambda: ask(client, model, "x" * (limit + 1)), 413)
    check(problem.body, "the error has no body")
    same(calls(model), 0, "calls")
    ask(client, model)


@case("models, and paths that are not cached, pass through")
def passthrough():
    client = connect()
    same([m.id for m in client.models.list()], ["plain", "gate"], "models")
    same(client.models.retrieve("plain").owned_by, "black-box", "one model")
    fails(openai.NotFoundError, lambda: client.models.retrieve("nosuch"), 404)
    ids = [client.moderations.create(input="hello").id for _ in range(2)]
    same(len(ids), 2, "moderations")
    before = calls("path:/v1/moderations")
    client.moderations.create(input="hello")
    same(calls("path:/v1/moderations"), before + 1, "moderation calls")
    client.files.create(file=("notes.jsonl", b'{"a": 1}\n'), purpose="batch")
    seen = control("state", model="path:/v1/files")["last"]
    check('{"a": 1}' in seen["body"] and "multipart/form-data" in seen["headers"]["content-type"], f"upload {seen}")


@case("SIGTERM lets a stream finish, and its answer is kept")
def terminate():
    client, model = connect(), fresh("gate")
    stream = client.chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}], stream=True)
    next(stream)
    control("gateway/term")
    control("release", model=model)
    check(list(stream)[-1].choices[0].finish_reason == "stop", "the stream was cut")
    same(control("gateway/wait")["code"], 0, "exit code")
    control("gateway/start")
    same(ask(connect(), model).status, "HIT", "after the restart")
    same(calls(model), 1, "calls")


@case("kill -9 keeps what was answered from the cache")
def kill():
    client = connect()
    models = [fresh() for _ in range(10)]
    for model in models:
        ask(client, model)
        check(ask(client, model).headers["x-reprise-entry"], "not stored")  # what has an entry is durable
    control("gateway/kill")
    control("gateway/start")
    client = connect()
    for model in models:
        same(ask(client, model).status, "HIT", f"after the restart, {model}")
        same(calls(model), 1, "calls")


def chat(model, stream, tools, **more):
    """The shape that blackbox.row asks for."""
    params = {**({"tools": TOOLS} if tools else {}), **({"stream": True} if stream else {}), **more}
    answer = connect().chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}], **params)
    if not stream:
        message = answer.choices[0].message
        return [message.content], [(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or []]
    deltas = [choice.delta for chunk in answer for choice in chunk.choices]
    made = {}
    for piece in (piece for delta in deltas for piece in delta.tool_calls or []):
        into = made.setdefault(piece.index, ["", ""])
        into[0] += piece.function.name or ""
        into[1] += piece.function.arguments or ""
    return [delta.content for delta in deltas if delta.content], [(name, json.loads(text)) for name, text in made.values()]


ERRORS = {"e429": openai.RateLimitError, "e500": openai.InternalServerError, "e400": openai.BadRequestError}
row(f"{version('openai')} (Python), chat", chat, ERRORS)


if __name__ == "__main__":
    sys.exit(main())
