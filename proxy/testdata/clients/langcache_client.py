"""Drives a running gateway through PyPI's langcache SDK. Prints "ok NAME" or "FAIL NAME: why" for each case."""

import sys

from langcache import LangCache, errors
from langcache.models import SearchStrategy

from blackbox import cache_row, case, check, control, fails, fresh, main, same, version

PROMPT = "How do I enable two-factor authentication?"


def connect(cache=None, key="lc-one"):
    control("plant", secret=key)
    return LangCache(server_url=control("gateway/url")["url"], cache_id=cache or fresh("cache"), api_key=key)


def found(answer):
    return [(entry.response, entry.search_strategy) for entry in answer.data]


@case("what is set is found, by itself and by its attributes, and deleted by its id")
def round_trip():
    cache = connect()
    with cache:
        same(found(cache.search(prompt=PROMPT)), [], "before")
        made = cache.set(prompt=PROMPT, response="So.", attributes={"who": "a", "app": "x"}, ttl_millis=600000)
        cache.set(prompt=PROMPT, response="Else.", attributes={"who": "b", "app": "x"})
        entry = cache.search(prompt=PROMPT, attributes={"who": "a"}).data[0]
        same((entry.id, entry.prompt, entry.response, entry.similarity), (made.entry_id, PROMPT, "So.", 1.0), "entry")
        same(entry.attributes, {"who": "a", "app": "x"}, "attributes")
        both = [SearchStrategy.EXACT, SearchStrategy.SEMANTIC]
        same(found(cache.search(prompt=PROMPT, attributes={"who": "b"}, search_strategies=both)), [("Else.", "exact")], "exact")
        same(len(cache.search(prompt=PROMPT, attributes={"app": "x"}, max_results=5).data), 2, "by the attribute of both")
        same(found(cache.search(prompt=PROMPT, attributes={"who": "c"})), [], "another value")
        cache.delete_by_id(entry_id=made.entry_id)
        same(found(cache.search(prompt=PROMPT, attributes={"who": "a"})), [], "deleted")
        fails(errors.NotFoundErrorResponseContent, lambda: cache.delete_by_id(entry_id=made.entry_id), 404)


@case("deletes by attributes, and a flush")
def deletes():
    cache = connect()
    for n in range(5):
        cache.set(prompt=f"Question number {n}?", response=str(n), attributes={"odd": str(n % 2)})
    same(cache.delete_query(attributes={"odd": "1"}).deleted_entries_count, 2, "deleted")
    same(found(cache.search(prompt="Question number 2?")), [("2", "semantic")], "left")
    cache.flush()
    same(found(cache.search(prompt="Question number 2?")), [], "after the flush")


@case("a reworded question is found, its opposite is not, and the threshold is a floor")
def reworded():
    cache = connect()
    cache.set(prompt=PROMPT, response="So.")
    same(found(cache.search(prompt="How can I enable two-factor authentication?")), [("So.", "semantic")], "reworded")
    same(found(cache.search(prompt="How can I enable two-factor authentication?", search_strategies=[SearchStrategy.EXACT])), [], "exact")
    same(found(cache.search(prompt="How can I enable two-factor authentication?", similarity_threshold=0.9999)), [], "floor")
    same(found(cache.search(prompt="How do I disable two-factor authentication?", similarity_threshold=0.1)), [], "opposite")


@case("a conversation is searched with the questions before")
def conversation():
    cache = connect()
    context = ["Which phones do you sell?"]
    missed = cache.conversational_search(prompt="How much is the blue one?", context=context)
    same(missed.data, [], "before")
    cache.set(prompt=missed.actual_prompt, response="300.")
    same(found(cache.conversational_search(prompt="How much is the blue one?", context=context)), [("300.", "semantic")], "after")
    other = cache.conversational_search(prompt="How much is the blue one?", context=["Which kettles and toasters do you have?"])
    same(other.data, [], "after another question")


@case("caches and keys are apart")
def apart():
    name = fresh("cache")
    connect(name).set(prompt=PROMPT, response="So.")
    same(found(connect(name).search(prompt=PROMPT)), [("So.", "semantic")], "the same")
    same(found(connect(name, "lc-two").search(prompt=PROMPT)), [], "another key")
    same(found(connect().search(prompt=PROMPT)), [], "another cache")


@case("errors are the SDK's own and name the field")
def mistakes():
    cache = connect()
    problem = fails(errors.BadRequestErrorResponseContent, lambda: cache.search(prompt="", max_results=0), 400)
    check(problem.data.fields and problem.data.fields[0].field == "maxResults", f"{problem.data}")
    problem = fails(errors.BadRequestErrorResponseContent, lambda: cache.set(prompt=PROMPT, response="x", ttl_millis=-1), 400)
    check("ttlMillis" in problem.data.detail, f"{problem.data}")
    fails(errors.PayloadTooLargeErrorResponseContent, lambda: cache.set(prompt=PROMPT, response="x" * (9 << 20)), 413)


shared = fresh("cache")
cache_row(
    f"{version('langcache')} (Python)",
    lambda prompt, response: connect(shared).set(prompt=prompt, response=response),
    lambda prompt: [entry.response for entry in connect(shared).search(prompt=prompt).data],
    lambda: connect(shared).search(prompt="", max_results=0),
    errors.BadRequestErrorResponseContent,
)


if __name__ == "__main__":
    sys.exit(main())
