"""Drives a running gateway through the Python frameworks that are not in the core of the run: LlamaIndex as it is today,
LangChain, LiteLLM, and the LangCache wrappers of RedisVL and LangChain. Prints "ok NAME" or "FAIL NAME: why" for each case.
"""

import json
import os
import sys

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LANGSMITH_TRACING": "false", "DO_NOT_TRACK": "1"}  # nothing beyond loopback

import langcache
import litellm
import openai
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import Generation
from langchain_openai import ChatOpenAI
from langchain_redis import LangCacheSemanticCache
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from redisvl.extensions.cache.llm import LangCacheSemanticCache as VectorLibraryCache

from blackbox import PROMPT, cache_row, control, fresh, main, row, version

HEADERS = {"x-portkey-cache": "simple"}
litellm.suppress_debug_info = True
OPENAI_ERRORS = {"e429": openai.RateLimitError, "e500": openai.InternalServerError, "e400": openai.BadRequestError}


def base():
    return control("gateway/url")["url"] + "/v1"


def get_weather(city: str = "") -> str:
    """The weather of a city."""
    return city


def get_time(zone: str = "") -> str:
    """The time in a zone."""
    return zone


TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("get_weather", "get_time")
]


# ---- LlamaIndex, which puts a stream's tool calls together only where they come one after the other, as OpenAI sends them


def llama(model):
    return OpenAILike(
        model=model, api_base=base(), api_key="sk-llama", is_chat_model=True, is_function_calling_model=True,
        max_retries=0, timeout=20, default_headers=HEADERS,
    )  # fmt: skip


def llama_index(model, stream, tools):
    llm, messages = llama(model), [ChatMessage(role="user", content=PROMPT)]
    if tools:
        functions = [FunctionTool.from_defaults(get_weather), FunctionTool.from_defaults(get_time)]
        if stream:
            *_, answer = llm.stream_chat_with_tools(functions, chat_history=messages, allow_parallel_tool_calls=True)
        else:
            answer = llm.chat_with_tools(functions, chat_history=messages, allow_parallel_tool_calls=True)
        called = llm.get_tool_calls_from_response(answer)
        return [], [(call.tool_name, call.tool_kwargs) for call in called]
    if stream:
        return [part.delta for part in llm.stream_chat(messages) if part.delta], []
    return [llm.chat(messages).message.content], []


row(f"{version('llama-index-llms-openai-like')} (Python)", llama_index, OPENAI_ERRORS, kind="inorder")


# ---- LangChain


def langchain(model, stream, tools):
    llm = ChatOpenAI(model=model, base_url=base(), api_key="sk-langchain", max_retries=0, timeout=20, default_headers=HEADERS)
    if tools:
        llm = llm.bind_tools(TOOLS)
    if not stream:
        answer = llm.invoke(PROMPT)
        return [answer.content], [(call["name"], call["args"]) for call in answer.tool_calls]
    parts = list(llm.stream(PROMPT))
    whole = AIMessageChunk(content="")
    for part in parts:
        whole += part
    return [part.content for part in parts if part.content], [(call["name"], call["args"]) for call in whole.tool_calls]


row(f"{version('langchain-openai')} (Python)", langchain, OPENAI_ERRORS)


# ---- LiteLLM


def lite(model, stream, tools):
    answer = litellm.completion(
        model=f"openai/{model}", api_base=base(), api_key="sk-lite", num_retries=0, max_retries=0, timeout=20, extra_headers=HEADERS,
        messages=[{"role": "user", "content": PROMPT}], stream=stream, **({"tools": TOOLS} if tools else {}),
    )  # fmt: skip
    said = []
    if stream:
        parts = list(answer)
        said = [part.choices[0].delta.content for part in parts if part.choices and part.choices[0].delta.content]
        answer = litellm.stream_chunk_builder(parts)
    message = answer.choices[0].message
    called = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]
    return said or [message.content], called


row(
    f"{version('litellm')} (Python)", lite,
    {"e429": litellm.RateLimitError, "e500": litellm.InternalServerError, "e400": litellm.BadRequestError},
)  # fmt: skip


# ---- LangCache, wrapped


def wrapped(kind, key):
    control("plant", secret=key)
    return kind(server_url=control("gateway/url")["url"], cache_id=fresh("cache"), api_key=key)


vectors = wrapped(VectorLibraryCache, "lc-redisvl")
cache_row(
    f"{version('redisvl')} (Python), LangCacheSemanticCache",
    lambda prompt, response: vectors.store(prompt=prompt, response=response),
    lambda prompt: [hit["response"] for hit in vectors.check(prompt=prompt)],
    lambda: vectors.store(prompt=PROMPT, response="x" * (9 << 20)),
    langcache.errors.PayloadTooLargeErrorResponseContent,
)
chained = wrapped(LangCacheSemanticCache, "lc-langchain")
cache_row(
    f"{version('langchain-redis')} (Python), LangCacheSemanticCache",
    lambda prompt, response: chained.update(prompt, "a model", [Generation(text=response)]),
    lambda prompt: [generation.text for generation in chained.lookup(prompt, "a model") or []],
    lambda: chained.update(PROMPT, "a model", [Generation(text="x" * (9 << 20))]),
    langcache.errors.PayloadTooLargeErrorResponseContent,
)


if __name__ == "__main__":
    sys.exit(main())
