"""Drives a running gateway through PyPI's openai and anthropic SDKs before providers of another form than the client's: Cohere,
Azure OpenAI, Anthropic for OpenAI's client and OpenAI for Anthropic's. Prints "ok NAME" or "FAIL NAME: why" for each case.
"""

import json
import sys

import anthropic
import openai

from blackbox import PROMPT, calls, case, check, control, fails, fresh, main, row, same, version

TOOLS = [
    {"type": "function", "function": {"name": name, "description": "What it says.", "parameters": {"type": "object", "properties": {}}}}
    for name in ("get_weather", "get_time")
]
ERRORS = {"e429": openai.RateLimitError, "e500": openai.InternalServerError, "e400": openai.BadRequestError}


def connect(provider, **headers):
    headers = {"x-portkey-cache": "simple", "x-portkey-provider": provider, **headers}
    at = control("gateway/url")["url"]
    return openai.OpenAI(base_url=at + "/v1", api_key=f"sk-for-{provider}", max_retries=0, timeout=20, default_headers=headers)


def chat(provider):
    def ask(model, stream, tools):
        params = {"tools": TOOLS} if tools else {}
        messages = [{"role": "user", "content": PROMPT}]
        completions = connect(provider).chat.completions
        if not stream:
            message = completions.create(model=model, messages=messages, **params).choices[0].message
            return [message.content], [(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or []]
        said, made = [], {}
        for chunk in completions.create(model=model, messages=messages, stream=True, **params):
            for choice in chunk.choices:
                said += [choice.delta.content] if choice.delta.content else []
                for call in choice.delta.tool_calls or []:
                    into = made.setdefault(call.index, ["", ""])
                    into[0] += call.function.name or ""
                    into[1] += call.function.arguments or ""
        return said, [(name, json.loads(text)) for name, text in made.values()]

    return ask


for provider in ("cohere-box", "azure-box", "anthropic-box"):
    row(f"{version('openai')} (Python) before {provider.removesuffix('-box')}", chat(provider), ERRORS)


def message(model, stream, tools):
    client = anthropic.Anthropic(
        base_url=control("gateway/url")["url"], api_key="sk-ant-for-openai", max_retries=0, timeout=20,
        default_headers={"x-portkey-cache": "simple", "x-portkey-provider": "openai-box"},
    )  # fmt: skip
    params = {"model": model, "max_tokens": 2000, "messages": [{"role": "user", "content": PROMPT}]}
    if tools:
        params["tools"] = [{"name": t["function"]["name"], "input_schema": t["function"]["parameters"]} for t in TOOLS]
    said = []
    if stream:
        with client.messages.stream(**params) as streamed:
            said = list(streamed.text_stream)
            answer = streamed.get_final_message()
    else:
        answer = client.messages.create(**params)
    made = [(block.name, block.input) for block in answer.content if block.type == "tool_use"]
    return said or [block.text for block in answer.content if block.type == "text"], made


row(
    f"{version('anthropic')} (Python) before openai", message,
    {"e429": anthropic.RateLimitError, "e500": anthropic.InternalServerError, "e400": anthropic.BadRequestError}, kind="inorder",
)  # fmt: skip


def conversation():
    """Earlier turns with a call of a tool, and what it said."""
    made = [{"id": "c-1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Bern"}'}}]
    return [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the weather in Bern?"},
        {"role": "assistant", "content": None, "tool_calls": made},
        {"role": "tool", "tool_call_id": "c-1", "content": "It rains."},
    ]


@case("cohere is asked in its own words")
def cohere():
    model = fresh()
    answer = connect("cohere-box").chat.completions.create(
        model=model, messages=conversation(), top_p=0.5, stop=["x"], max_completion_tokens=9, tools=TOOLS, tool_choice="required", seed=7
    )
    last = control("state", model=model)["last"]
    body = json.loads(last["body"])
    same((last["path"], last["headers"]["authorization"]), ("/v2/chat", "Bearer sk-for-cohere-box"), "path and key")
    same((body["p"], body["stop_sequences"], body["max_tokens"], body["tool_choice"], body["seed"]), (0.5, ["x"], 9, "REQUIRED", 7), "parameters")
    same([m["role"] for m in body["messages"]], ["system", "user", "assistant", "tool"], "roles")
    same(body["messages"][2]["tool_calls"][0]["function"]["arguments"], '{"city": "Bern"}', "the earlier call")
    same(body["messages"][3], {"role": "tool", "tool_call_id": "c-1", "content": "It rains."}, "what the tool said")
    usage = answer.usage
    same((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (11, 7, 18), "usage")
    same(answer.choices[0].finish_reason, "tool_calls", "finish reason")
    same(answer.model, model, "model")
    streamed = list(
        connect("cohere-box").chat.completions.create(
            model=fresh(), messages=[{"role": "user", "content": PROMPT}], stream=True, stream_options={"include_usage": True}
        )
    )
    same((streamed[-1].usage.total_tokens, streamed[-2].choices[0].finish_reason), (18, "stop"), "the stream's end")


@case("azure is asked by its deployment, its version and its header for the key")
def azure():
    model = fresh()
    connect("azure-box").chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}], top_p=0.5)
    last = control("state", model=model)["last"]
    at, _, query = last["path"].partition("?")
    same(at, "/openai/deployments/d-1/chat/completions", "path")
    check(query.startswith("api-version=20"), f"query {query!r}")
    same((last["headers"].get("api-key"), last["headers"].get("authorization")), ("sk-for-azure-box", None), "key")
    same(json.loads(last["body"])["top_p"], 0.5, "body")
    model = fresh()
    other = {"x-portkey-azure-deployment-id": "d-2", "x-portkey-azure-api-version": "2025-01-01"}
    connect("azure-box", **other).embeddings.create(model=model, input="x")
    same(control("state", model=model)["last"]["path"], "/openai/deployments/d-2/embeddings?api-version=2025-01-01", "path of another deployment")
    model = fresh()
    connect("azure-box").completions.create(model=model, prompt=PROMPT)
    check("/openai/deployments/d-1/completions?" in control("state", model=model)["last"]["path"], "path of a completion")


@case("azure's filter results come through, and a hit has them again")
def filters():
    model = fresh()
    for _ in range(2):
        answer = connect("azure-box").chat.completions.create(model=model, messages=[{"role": "user", "content": PROMPT}])
        check(answer.choices[0].model_extra["content_filter_results"]["hate"]["severity"] == "safe", "no filter results")
    same(calls(model), 1, "calls")


@case("a fallback from one form to another answers the same request")
def fallback():
    targets = [{"provider": name, "api_key": f"sk-of-{name}"} for name in ("dead", "cohere-box", "anthropic-box")]
    for first, want in ((0, 1), (2, 2)):
        order = targets[first:]
        header = {"x-portkey-config": json.dumps({"strategy": {"mode": "fallback"}, "targets": order})}
        raw = openai.OpenAI(base_url=control("gateway/url")["url"] + "/v1", api_key="sk-unused", max_retries=0).chat.completions
        raw = raw.with_raw_response.create(model=fresh(), messages=[{"role": "user", "content": PROMPT}], extra_headers=header, max_tokens=99)
        same(raw.headers["x-portkey-last-used-option-index"], f"config.targets[{want - first}]", "who answered")
        check(raw.parse().choices[0].message.content.startswith("Call 1"), "no answer")


@case("what a provider's form has no place for is a 400 that says so")
def untranslatable():
    problem = fails(
        openai.BadRequestError,
        lambda: connect("cohere-box").chat.completions.create(model=fresh(), messages=conversation()[:2], n=2),
        400,
    )
    check("cohere" in str(problem) and "n" in str(problem), str(problem))


if __name__ == "__main__":
    sys.exit(main())
