"""What the drivers in Python share: cases that print "ok NAME" or "FAIL NAME: why", and the provider's side door.

The environment names the black-box provider's address (BLACKBOX_CONTROL). Cases of the form "table: CLIENT: COLUMN" are
the cells of the table that the run closes with; row makes those of one client.
"""

import importlib.metadata
import json
import os
import sys
import traceback
import urllib.parse
import urllib.request

CONTROL = os.environ["BLACKBOX_CONTROL"]
PROMPT = "What does the warranty cover?"
CASES = []
made = 0


def case(name, *args):
    def keep(function):
        CASES.append((name, lambda: function(*args)))
        return function

    return keep


def control(path, **query):
    url = f"{CONTROL}/control/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def calls(model):
    return control("state", model=model)["calls"]


def reached(model, event, count=1):
    check(control("wait", model=model, event=event, count=count)["reached"], f"the provider never saw {event!r} x {count}")


def fresh(kind="plain"):
    global made
    made += 1
    return f"{kind}--py-{made}"


def check(true, what):
    if not true:
        raise AssertionError(what)


def same(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def bare(value):
    """A value without its nulls: a stream has no place for "refusal": null, so the two forms are compared without."""
    if isinstance(value, dict):
        return {k: bare(v) for k, v in value.items() if v is not None}
    return [bare(v) for v in value] if isinstance(value, list) else value


def fails(kind, function, status=None):
    try:
        function()
    except kind as problem:
        if status is not None:
            same(problem.status_code, status, "status")
        return problem
    raise AssertionError(f"no {getattr(kind, '__name__', kind)} was raised")


COLUMNS = ("plain", "stream", "tools", "errors", "hit")
WEATHER = ("get_weather", {"city": "Zürich", "unit": "celsius"})


def version(package):
    return f"{package} {importlib.metadata.version(package)}"


def row(client, ask, errors, lacks=None, kind="plain"):
    """The five cells of a client in the run's closing table.

    ask(model, stream, tools) returns the pieces of an answer's text, one where it is not streamed, and its tool calls as
    (name, arguments). errors has the client's own exception for each failure that a model's name orders. lacks says of
    columns why the client has nothing to show there.
    """

    def plain():
        (text,), called = ask(fresh(kind), False, False)
        check(text.startswith("Call 1") and not called, f"answer {text!r}, calls {called}")

    def stream():
        model = fresh(kind)
        pieces, _ = ask(model, True, False)
        text = "".join(pieces)
        check(len(pieces) > 1 and text.startswith("Call 1"), f"{len(pieces)} pieces of {text!r}")
        same(control("state", model=model)["finished"], 1, "streams that the provider finished")

    def tools():
        for streamed in (False, True):
            _, called = ask(fresh(kind), streamed, True)
            same(called[:1], [WEATHER], f"first call with stream={streamed}")
            same([name for name, _ in called], ["get_weather", "get_time"], f"calls with stream={streamed}")

    def mapped():
        for failure, error in errors.items():
            for streamed in (False, True) if "stream" not in (lacks or {}) else (False,):
                fails(error, lambda f=failure, s=streamed: ask(fresh(f), s, False))

    def hit():
        for stored in (False, True) if "stream" not in (lacks or {}) else (False,):
            model = fresh(kind)
            first = "".join(ask(model, stored, False)[0])
            same("".join(ask(model, stored, False)[0]), first, "second answer")
            if "stream" not in (lacks or {}):
                same("".join(ask(model, not stored, False)[0]), first, "third answer, in the other form")
            same(calls(model), 1, "calls")

    cells(client, {"plain": plain, "stream": stream, "tools": tools, "errors": mapped, "hit": hit}, lacks)


def cells(client, functions, lacks=None):
    """A row of the table whose cells are checked in the client's own way."""
    for column in COLUMNS:
        if column in (lacks or {}):
            CASES.append((f"none table: {client}: {column}: {lacks[column]}", None))
        else:
            case(f"table: {client}: {column}")(functions[column])


def cache_row(client, put, find, broken, error):
    """The row of a client of the cache itself. put stores an answer under a prompt, find returns those that are served."""

    def plain():
        put("How do I reset my password?", "So.")
        same(find("How do I reset my password?"), ["So."], "what was put")
        same(find("Which paper does the printer take?"), [], "another question")

    def hit():
        put("How do I enable two-factor authentication?", "Thus.")
        same(find("How can I enable two-factor authentication?"), ["Thus."], "reworded")

    no_model = {"stream": "it calls no model", "tools": "it calls no model"}
    cells(client, {"plain": plain, "hit": hit, "errors": lambda: fails(error, broken)}, no_model)


def main():
    only, failed = sys.argv[1:], 0
    for name, function in CASES:
        if only and not any(word in name for word in only):
            continue
        if function is None:
            print(name, flush=True)
            continue
        try:
            function()
            print(f"ok {name}", flush=True)
        except Exception as problem:
            failed += 1
            print(f"FAIL {name}: {type(problem).__name__}: {str(problem)[:600]}", flush=True)
            if os.environ.get("BLACKBOX_TRACE"):
                traceback.print_exc()
    return 1 if failed else 0
