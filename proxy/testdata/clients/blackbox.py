"""What the drivers in Python share: cases that print "ok NAME" or "FAIL NAME: why", and the provider's side door.

The environment names the black-box provider's address (BLACKBOX_CONTROL).
"""

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


def main():
    only, failed = sys.argv[1:], 0
    for name, function in CASES:
        if only and not any(word in name for word in only):
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
