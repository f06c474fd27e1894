"""Drives a running gateway through portkey-ai 0.1.52, the first SDK, and LlamaIndex's Portkey class on top of it.

Prints "ok NAME" or "FAIL NAME: why" for each case.
"""

import json
import os
import sys
import time
import urllib.request

import portkey
from llama_index.llms import ChatMessage, Portkey
from portkey import Config, LLMOptions
from portkey.api_resources import exceptions

from blackbox import PROMPT, calls, case, check, control, fails, fresh, main, row, same, version

PIZZA = ("What are the ingredients of a pizza?", "Ingredients of pizza")


def options(model, **more):
    key = {} if "virtual_key" in more else {"api_key": "sk-of-the-client"}
    return LLMOptions(**{"provider": "box", "model": model, "cache_status": "simple", **key, **more})


def config(*llms, mode="single"):
    return Config(api_key="pk-gateway", base_url=control("gateway/url")["url"], mode=mode, llms=list(llms))


def ask(chosen, prompt=PROMPT, stream=False, **params):
    """What a chat answers. Whether it was a hit, the SDK does not say; the number of calls does."""
    answer = portkey.ChatCompletions.create(messages=[{"role": "user", "content": prompt}], config=chosen, stream=stream, **params)
    if not stream:
        same(answer.object, "chat.completion", "object")
        return answer.choices[0].message["content"]
    return "".join(choice.delta.get("content") or "" for chunk in answer for choice in chunk.choices if choice.delta)


def complete(chosen, prompt=PROMPT, stream=False, **params):
    answer = portkey.Completions.create(prompt=prompt, config=chosen, stream=stream, **params)
    if not stream:
        return answer.choices[0].text
    return "".join(choice.text or "" for chunk in answer for choice in chunk.choices)


for what, function in (("chat", ask), ("completion", complete)):
    for stored in (False, True):

        @case(f"{what}: stored from a {'stream' if stored else 'plain answer'}, served in both forms", function, stored)
        def round_trip(function, stored):
            model = fresh()
            first = function(config(options(model)), stream=stored)
            check(first.startswith("Call 1"), f"answer {first!r}")
            for stream in (False, True):
                same(function(config(options(model)), stream=stream), first, f"answer with stream={stream}")
            same(calls(model), 1, "calls")


@case("the pizza questions in semantic mode, with an age and with force refresh")
def pizza():
    model = fresh()
    first = ask(config(options(model, cache_status="semantic", cache_age=600)), PIZZA[0])
    for prompt in PIZZA:
        same(ask(config(options(model, cache_status="semantic", cache=True, cache_age=600)), prompt), first, prompt)
    same(calls(model), 1, "calls")
    again = ask(config(options(model, cache_status="semantic", cache_force_refresh=True)), PIZZA[0])
    check(again.startswith("Call 2"), f"answer after the refresh {again!r}")
    same(ask(config(options(model, cache_status="semantic")), PIZZA[0]), again, "after the refresh")
    same(calls(model), 2, "calls")


@case("cache_age serves nothing older, cache=True stands for the exact tier")
def age():
    model = fresh()
    first = ask(config(options(model, cache_age=600)))
    until = time.monotonic() + 15
    while ask(config(options(model, cache_age=1))) == first:  # ages are told in whole seconds
        check(time.monotonic() < until, "an old answer was served to the end")
        time.sleep(0.2)
    same(calls(model), 2, "calls")
    model = fresh()
    for _ in range(2):
        ask(config(options(model, cache=True, cache_status=None)))
    same(calls(model), 1, "calls with cache=True")


@case("fallback goes on to the next, and keeps to the order")
def fallback():
    broken, whole = fresh("e500"), fresh()
    chosen = config(options(broken, cache=False), options(whole, cache=False), mode="fallback")
    for stream in (False, True):
        check(ask(chosen, stream=stream).startswith("Call "), "no answer")
    same((calls(broken), calls(whole)), (2, 2), "calls")
    chosen = config(options(whole, cache=False), options(broken, cache=False), mode="fallback")
    ask(chosen)
    same((calls(broken), calls(whole)), (2, 3), "calls in the other order")
    hopeless = config(options(fresh("e500")), options(fresh("e429")), mode="fallback")
    fails(exceptions.RateLimitError, lambda: ask(hopeless), 429)


@case("ab_test shares out by weight")
def shares():
    often, seldom, never = fresh(), fresh(), fresh()
    chosen = config(options(often, cache=False, weight=0.8), options(seldom, cache=False, weight=0.2), mode="ab_test")
    for _ in range(60):
        ask(chosen)
    check(calls(often) > calls(seldom) > 0, f"{calls(often)} and {calls(seldom)} calls")
    same(calls(often) + calls(seldom), 60, "calls")
    chosen = config(options(often, cache=False, weight=1), options(never, cache=False, weight=0), mode="ab_test")
    for _ in range(5):
        ask(chosen)
    same(calls(never), 0, "calls of the one without weight")


@case("retry repeats on the statuses that it names, and on no other")
def retry():
    for kind, status, want in (("e429", 429, 3), ("e500", 500, 1)):
        model = fresh(kind)
        chosen = options(model, cache=False, retry={"attempts": 2, "on_status_codes": [429]})
        # The provider says to wait for 7 s: the gateway does not, where nobody asked it to honour that.
        fails(exceptions.APIStatusError, lambda c=chosen: ask(config(c)), status)
        same(calls(model), want, f"calls of {kind}")


@case("the trace id is the gateway's own for the request")
def trace():
    ask(config(options(fresh(), trace_id="trace-of-the-first-sdk", metadata={"_user": "u", "_prompt": "p"})))
    check("trace=trace-of-the-first-sdk" in control("gateway/log")["log"], "the log does not have it")


@case("an option's own messages and parameters go before those of the call")
def own():
    model = fresh()
    chosen = options(model, temperature=0.5, messages=[{"role": "user", "content": "Something else."}], stop=["x"], user="me")
    ask(config(chosen), max_tokens=7)
    body = json.loads(control("state", model=model)["last"]["body"])
    same((body["messages"][0]["content"], body["temperature"], body["stop"], body["user"]), ("Something else.", 0.5, ["x"], "me"), "body")


@case("azure by its deployment and version")
def azure():
    model = fresh()
    ask(config(options(model, provider="azure-box", deployment_id="d-9", api_version="2025-02-02")))
    last = control("state", model=model)["last"]
    same(last["path"], "/openai/deployments/d-9/chat/completions?api-version=2025-02-02", "path")
    same(last["headers"]["api-key"], "sk-of-the-client", "key")


@case("providers of another form: anthropic and cohere")
def forms():
    for provider in ("anthropic-box", "cohere-box"):
        model = fresh()
        first = ask(config(options(model, provider=provider)), max_tokens=50)
        check(first.startswith("Call 1"), f"answer of {provider}: {first!r}")
        same(ask(config(options(model, provider=provider)), stream=True, max_tokens=50), first, f"streamed from {provider}'s entry")
        same(calls(model), 1, "calls")


def kept(name, secret):
    """Has the gateway keep a provider's key under a name."""
    control("plant", secret=secret)
    body = json.dumps({"name": name, "provider": "box", "secrets": [secret]}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer " + os.environ["BLACKBOX_ADMIN"]}
    made = urllib.request.Request(control("gateway/url")["url"] + "/admin/v1/virtual-keys", body, headers)
    with urllib.request.urlopen(made, timeout=20) as answer:
        same(answer.status, 201, "status of keeping a key")


@case("virtual keys, through the SDK and through LlamaIndex")
def virtual():
    kept("first-sdk", "sk-kept-of-the-first-sdk")
    for stream in (False, True):
        model = fresh()
        chosen = config(options(model, virtual_key="first-sdk"))
        check(ask(chosen, stream=stream).startswith("Call 1"), "no answer")
        check(ask(chosen, stream=not stream).startswith("Call 1"), "no second answer")
        same(calls(model), 1, "calls")
        same(control("state", model=model)["last"]["headers"]["authorization"], "Bearer sk-kept-of-the-first-sdk", "the key that was sent")
    for chats in (False, True):
        model, messages = fresh(), [ChatMessage(role="user", content=PROMPT)]
        llm = llama(model, chats, virtual_key="first-sdk")
        first = llm.chat(messages).message.content
        same("".join(part.delta or "" for part in llm.stream_chat(messages)), first, "streamed")
        same(llm.complete(PROMPT).text.startswith("Call"), True, "completed")
        check([part for part in llm.stream_complete(PROMPT)], "nothing was streamed")
        same(control("state", model=model)["last"]["headers"]["authorization"], "Bearer sk-kept-of-the-first-sdk", "LlamaIndex's key")
    problem = fails(exceptions.BadRequestError, lambda: ask(config(options(fresh(), virtual_key="nobody"))), 400)
    check("config.options[0].virtual_key" in str(problem), str(problem))


@case("cache=False neither reads nor writes")
def off():
    model = fresh()
    for _ in range(2):
        ask(config(options(model, cache=False, cache_status=None)))
    same(calls(model), 2, "calls")


@case("parameters, trace id, metadata and retry; the key goes to the provider, the config does not")
def parameters():
    model = fresh()
    chosen = options(model, temperature=0.5, trace_id="t-1", metadata={"_user": "u"}, retry={"attempts": 2, "on_status_codes": [429]})
    ask(config(chosen), max_tokens=7)
    last = control("state", model=model)["last"]
    body = json.loads(last["body"])
    same((body["temperature"], body["max_tokens"], body["model"], body["stream"]), (0.5, 7, model, False), "parameters")
    check("config" not in body, "the config went to the provider")
    same((last["path"], last["headers"]["authorization"]), ("/v1/chat/completions", "Bearer sk-of-the-client"), "path and key")
    check(not [h for h in last["headers"] if h.startswith("x-portkey")], "the gateway's headers leaked")


@case("errors of the provider's and of the gateway's are the SDK's own")
def errors():
    fails(exceptions.RateLimitError, lambda: ask(config(options(fresh("e429")))), 429)
    fails(exceptions.InternalServerError, lambda: ask(config(options(fresh("e500")))), 500)
    fails(exceptions.RateLimitError, lambda: ask(config(options(fresh("e429"))), stream=True), 429)
    problem = fails(exceptions.BadRequestError, lambda: ask(config(options(fresh(), weight=-1))), 400)
    check("config.options[0].weight" in str(problem), str(problem))
    wrong = options(fresh())
    wrong.provider = "nobody"
    check("nobody" in str(fails(exceptions.BadRequestError, lambda: ask(config(wrong)), 400)), "the provider is not named")


def llama(model, chats=True, mode="single", **more):
    """LlamaIndex goes by a list of names whether a model is asked by chat or by completion; ours are on none of them."""
    llm = Portkey(mode=mode, api_key="pk-gateway", base_url=control("gateway/url")["url"])
    llm = llm.add_llms([options(name, **more) for name in ([model] if isinstance(model, str) else model)])
    llm.model = "gpt-4" if chats else "text-davinci-003"
    return llm


for chats in (True, False):
    by = "by chat" if chats else "by completion"

    @case(f"LlamaIndex, {by}: chat and stream_chat", chats)
    def llama_chat(chats):
        model = fresh()
        messages = [ChatMessage(role="user", content=PROMPT)]
        first = llama(model, chats).chat(messages).message.content
        same(llama(model, chats).chat(messages).message.content, first, "second answer")
        streamed = [part.delta for part in llama(model, chats).stream_chat(messages)]
        check(len(streamed) > 1, "one piece")
        same("".join(streamed), first, "streamed")
        same(calls(model), 1, "calls")
        path = "/v1/chat/completions" if chats else "/v1/completions"
        same(control("state", model=model)["last"]["path"], path, "the provider's path")

    @case(f"LlamaIndex, {by}: complete and stream_complete", chats)
    def llama_complete(chats):
        model = fresh()
        first = llama(model, chats).complete(PROMPT).text
        same(llama(model, chats).complete(PROMPT).text, first, "second answer")
        last = None
        for last in llama(model, chats).stream_complete(PROMPT):
            pass
        same(last.text, first, "streamed")
        same(calls(model), 1, "calls")


@case("LlamaIndex: fallback, and the pizza questions in semantic mode")
def llama_modes():
    broken, whole = fresh("e500"), fresh()
    check(llama([broken, whole], mode="fallback", cache=False).complete(PROMPT).text.startswith("Call 1"), "no answer")
    same((calls(broken), calls(whole)), (1, 1), "calls")
    model = fresh()
    first = llama(model, cache_status="semantic", cache_age=600).complete(PIZZA[0]).text
    for prompt in PIZZA:
        same(llama(model, cache_status="semantic", cache_age=600).complete(prompt).text, first, prompt)
    again = llama(model, cache_status="semantic", cache_force_refresh=True).complete(PIZZA[0]).text
    check(again.startswith("Call 2"), f"after the refresh {again!r}")
    same(calls(model), 2, "calls")


def first_chat(model, stream, tools):
    answer = portkey.ChatCompletions.create(messages=[{"role": "user", "content": PROMPT}], config=config(options(model)), stream=stream)
    if not stream:
        return [answer.choices[0].message["content"]], []
    said = [choice.delta.get("content") for chunk in answer for choice in chunk.choices if choice.delta]
    return [piece for piece in said if piece], []


def first_text(model, stream, tools):
    answer = portkey.Completions.create(prompt=PROMPT, config=config(options(model)), stream=stream)
    if not stream:
        return [answer.choices[0].text], []
    return [choice.text for chunk in answer for choice in chunk.choices if choice.text], []


def llama_messages(model, stream, tools):
    messages = [ChatMessage(role="user", content=PROMPT)]
    if stream:
        return [part.delta for part in llama(model).stream_chat(messages) if part.delta], []
    return [llama(model).chat(messages).message.content], []


def llama_text(model, stream, tools):
    if stream:
        return [part.delta for part in llama(model, False).stream_complete(PROMPT) if part.delta], []
    return [llama(model, False).complete(PROMPT).text], []


ERRORS = {"e429": exceptions.RateLimitError, "e500": exceptions.InternalServerError, "e400": exceptions.BadRequestError}
NO_TOOLS = {"tools": "its parameters have no tools"}
row(f"{version('portkey-ai')} (Python), chat", first_chat, ERRORS, NO_TOOLS)
row(f"{version('portkey-ai')} (Python), completions", first_text, ERRORS, NO_TOOLS)
row(f"{version('llama-index')} (Python), Portkey.chat", llama_messages, ERRORS, NO_TOOLS)
row(f"{version('llama-index')} (Python), Portkey.complete", llama_text, ERRORS, NO_TOOLS)


if __name__ == "__main__":
    sys.exit(main())
