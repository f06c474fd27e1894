"""Drives a running gateway through PyPI's openai SDK: Responses, embeddings, and what legacy completions may ask."""

import json
import sys

import openai

from blackbox import PROMPT, calls, case, check, control, fails, fresh, main, row, same, version

RESPONSES_TOOLS = [{"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}, "strict": False}
                   for name in ("get_weather", "get_time")]  # fmt: skip


def connect(mode="simple"):
    return openai.OpenAI(
        base_url=control("gateway/url")["url"] + "/v1", api_key="sk-one", max_retries=0, timeout=20,
        default_headers={"x-portkey-cache": mode},
    )  # fmt: skip


def respond(client, model, stream=False, **params):
    """One response in either form: its cache status and itself, put together from the events where it was streamed."""
    params = {"input": PROMPT, **params}
    raw = client.responses.with_raw_response.create(model=model, stream=stream, **params)
    status = raw.headers["x-portkey-cache-status"]
    if not stream:
        return status, raw.parse()
    said, events = {}, list(raw.parse())
    for n, event in enumerate(events):
        same(event.sequence_number, n, "sequence number")
        if event.type.endswith(".delta"):
            place = (event.type, event.output_index, getattr(event, "content_index", None))
            said[place] = said.get(place, "") + event.delta
        for member in ("text", "arguments", "refusal"):
            if event.type.endswith(".done") and isinstance(getattr(event, member, None), str):
                place = (event.type.replace(".done", ".delta"), event.output_index, getattr(event, "content_index", None))
                same(said.get(place, ""), getattr(event, member), f"the pieces of {place}")
    same([events[0].type, events[-1].type], ["response.created", "response.completed"], "first and last event")
    return status, events[-1].response


def output(response):
    return [item.model_dump(exclude_none=True) for item in response.output]


@case("a failing model is told")
def failing():
    client = connect()
    problem = fails(openai.RateLimitError, lambda: respond(client, fresh("e429")), 429)
    same(problem.code, "rate_limit_exceeded", "code")
    fails(openai.InternalServerError, lambda: respond(client, fresh("e500")), 500)
    fails(openai.RateLimitError, lambda: client.embeddings.create(model=fresh("e429"), input="x"), 429)
    fails(openai.APIError, lambda: respond(client, fresh("midway"), stream=True))
    for path in ("responses", "embeddings"):
        fails(openai.BadRequestError, lambda p=path: client.post("/" + p, body=[], cast_to=object), 400)


for feature, (kind, params) in {
    "text": ("plain", {}),
    "instructions and items": ("plain", {"instructions": "Be brief.", "input": [{"role": "user", "content": PROMPT}]}),
    "parallel tool calls": ("plain", {"tools": RESPONSES_TOOLS}),
    "reasoning": ("plain", {"reasoning": {"effort": "low", "summary": "auto"}}),
    "refusal": ("refusal", {}),
    "structured output": ("plain", {"text": {"format": {"type": "json_object"}}}),
}.items():
    for stored in ("plain", "stream"):

        @case(f"response, {feature}: stored from a {stored} answer, served in both forms", kind, params, stored)
        def round_trip(kind, params, stored):
            client, model = connect(), fresh(kind)
            status, first = respond(client, model, stored == "stream", store=False, **params)
            same(status, "MISS", "status of the first")
            ids = {first.id}
            for form in ("plain", "stream", "plain"):
                status, hit = respond(client, model, form == "stream", store=False, **params)
                same(status, "HIT", f"status as {form}")
                same(output(hit), output(first), f"output as {form}")
                same(hit.usage, first.usage, f"usage as {form}")
                check(hit.id not in ids and hit.id.startswith("resp_"), f"the id {hit.id} as {form} is not fresh")
                ids.add(hit.id)
            same(calls(model), 1, "calls")


@case("response: the SDK's own stream helper takes a hit")
def helper():
    client, model = connect(), fresh()
    first = client.responses.create(model=model, input=PROMPT)
    with client.responses.stream(model=model, input=PROMPT) as stream:
        final = stream.get_final_response()
    same(final.output_text, first.output_text, "text")
    same(calls(model), 1, "calls")


@case("response: what the provider keeps, or goes on from, is not cached; what it kept keeps its id")
def kept():
    client, model = connect(), fresh()
    for params in ({"store": True}, {"previous_response_id": "resp_1"}, {"background": True}):
        for _ in range(2):
            same(respond(client, model, **params)[0], "DISABLED", f"status with {params}")
    same(calls(model), 6, "calls")
    _, first = respond(client, model, metadata={"who": "one"})
    status, hit = respond(client, model, metadata={"who": "two"})
    same(status, "HIT", "status")
    same((hit.id, hit.metadata), (first.id, {"who": "two"}), "id and metadata")


@case("response: a reworded question hits, its opposite does not")
def reworded():
    client, model = connect("semantic"), fresh()
    for _ in range(2):  # by the second answer the first one is stored
        _, first = respond(client, model, input="How do I enable two-factor authentication?")
    status, hit = respond(client, model, input="How can I enable two-factor authentication?", stream=True)
    same((status, output(hit)), ("SEMANTIC HIT", output(first)), "reworded")
    same(respond(client, model, input="How do I disable two-factor authentication?")[0], "SEMANTIC MISS", "opposite")


def embed(client, model, inputs, **params):
    raw = client.embeddings.with_raw_response.create(model=model, input=inputs, **params)
    return raw.headers["x-portkey-cache-status"], raw.parse()


@case("embeddings: each input is known by itself, and only what is missing is asked for")
def partial():
    client, model = connect(), fresh()
    status, first = embed(client, model, ["alpha", "beta"])
    same(status, "MISS", "status of the first")
    status, mixed = embed(client, model, ["gamma", "beta", "alpha", "gamma"])
    same(status, "MISS", "status of the second")
    vectors = [d.embedding for d in mixed.data]
    same(vectors[1:3], [first.data[1].embedding, first.data[0].embedding], "vectors that were known")
    same(vectors[0], vectors[3], "one input twice")
    same(control("state", model=model)["last"]["body"].count("alpha"), 0, "what the provider was asked again")
    status, whole = embed(client, model, ["alpha", "gamma"])
    same((status, [d.embedding for d in whole.data]), ("HIT", [vectors[2], vectors[0]]), "all known")
    same([d.index for d in whole.data], [0, 1], "indexes")
    check(whole.usage.total_tokens in (9, 10), f"usage of what was known: {whole.usage}")  # a share is an estimate
    same(calls(model), 2, "calls")


@case("embeddings: encoding, dimensions and tokens")
def encodings():
    client, model = connect(), fresh()
    for params in ({"encoding_format": "float"}, {"encoding_format": "base64"}, {"dimensions": 4}, {}):
        same(embed(client, model, "alpha", **params)[0], "MISS" if params else "HIT", f"status with {params}")
        status, got = embed(client, model, "alpha", **params)
        same(status, "HIT", f"status of the repeat with {params}")
    for inputs in ([1, 2, 3], [[1, 2, 3]], [[1, 2], [3]]):
        embed(client, model, inputs)
        same(embed(client, model, inputs)[0], "HIT", f"status of {inputs}")


@case("legacy completion: prompts, tokens, echo, logprobs, n and suffix are told apart, and all hit again")
def legacy():
    client, model = connect("semantic"), fresh()
    asked = [
        {"prompt": PROMPT}, {"prompt": [PROMPT]}, {"prompt": [PROMPT, "And then?"]}, {"prompt": [1, 2, 3]},
        {"prompt": PROMPT, "echo": True}, {"prompt": PROMPT, "logprobs": 1}, {"prompt": PROMPT, "n": 2}, {"prompt": PROMPT, "suffix": "."},
    ]  # fmt: skip
    for form in (False, True):
        for params in asked:
            raw = client.completions.with_raw_response.create(model=model, stream=form, **params)
            want = ("HIT",) if form else ("MISS", "SEMANTIC MISS")
            check(raw.headers["x-portkey-cache-status"] in want, f"{raw.headers['x-portkey-cache-status']} for {params}")
            if form:
                check(list(raw.parse())[-1].choices[0].finish_reason == "stop", "no end")
    same(calls(model), len(asked), "calls")


@case("models are passed through")
def models():
    client = connect()
    for _ in range(2):
        same([m.id for m in client.models.list()], ["plain", "gate"], "models")
        same(client.models.retrieve("plain").id, "plain", "model")
    same(control("state", model="path:/v1/models")["calls"] >= 2, True, "calls")


def pieces(model, stream, tools):
    params = {"tools": RESPONSES_TOOLS} if tools else {}
    answer = connect().responses.create(model=model, input=PROMPT, store=False, stream=stream, **params)
    said = []
    if stream:
        events = list(answer)
        said = [event.delta for event in events if event.type == "response.output_text.delta"]
        answer = events[-1].response
    made = [(item.name, json.loads(item.arguments)) for item in answer.output if item.type == "function_call"]
    return said or [answer.output_text], made


ERRORS = {"e429": openai.RateLimitError, "e500": openai.InternalServerError, "e400": openai.BadRequestError}
row(f"{version('openai')} (Python), responses", pieces, ERRORS)


if __name__ == "__main__":
    sys.exit(main())
