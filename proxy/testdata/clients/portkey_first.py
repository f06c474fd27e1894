"""Drives a running gateway through portkey-ai 0.1.52, the first SDK, and LlamaIndex's Portkey class on top of it.

Prints "ok NAME" or "FAIL NAME: why" for each case.
"""

import json
import sys

import portkey
from llama_index.llms import ChatMessage, Portkey
from portkey import Config, LLMOptions
from portkey.api_resources import exceptions

from blackbox import PROMPT, calls, case, check, control, fails, fresh, main, row, same, version

PIZZA = ("What are the ingredients of a pizza?", "Ingredients of pizza")


def options(model, **more):
    return LLMOptions(provider="box", api_key="sk-of-the-client", model=model, **{"cache_status": "simple", **more})


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


def llama(model, **more):
    llm = Portkey(mode="single", api_key="pk-gateway", base_url=control("gateway/url")["url"])
    return llm.add_llms(options(model, **more))


@case("LlamaIndex: chat and stream_chat")
def llama_chat():
    model = fresh()
    messages = [ChatMessage(role="user", content=PROMPT)]
    first = llama(model).chat(messages).message.content
    same(llama(model).chat(messages).message.content, first, "second answer")
    streamed = [part.delta for part in llama(model).stream_chat(messages)]
    check(len(streamed) > 1, "one piece")
    same("".join(streamed), first, "streamed")
    same(calls(model), 1, "calls")


@case("LlamaIndex: complete and stream_complete")
def llama_complete():
    model = fresh()
    first = llama(model).complete(PROMPT).text
    same(llama(model).complete(PROMPT).text, first, "second answer")
    last = None
    for last in llama(model).stream_complete(PROMPT):
        pass
    same(last.text, first, "streamed")
    same(calls(model), 1, "calls")


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
        return [part.delta for part in llama(model).stream_complete(PROMPT) if part.delta], []
    return [llama(model).complete(PROMPT).text], []


ERRORS = {"e429": exceptions.RateLimitError, "e500": exceptions.InternalServerError, "e400": exceptions.BadRequestError}
NO_TOOLS = {"tools": "its parameters have no tools"}
row(f"{version('portkey-ai')} (Python), chat", first_chat, ERRORS, NO_TOOLS)
row(f"{version('portkey-ai')} (Python), completions", first_text, ERRORS, NO_TOOLS)
row(f"{version('llama-index')} (Python), Portkey.chat", llama_messages, ERRORS, NO_TOOLS)
row(f"{version('llama-index')} (Python), Portkey.complete", llama_text, ERRORS, NO_TOOLS)


if __name__ == "__main__":
    sys.exit(main())
