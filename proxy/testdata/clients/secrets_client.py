"""Sends keys to a running gateway in every place that takes one, along every way that a request can go, good and bad, and keeps
what was answered in a file, which the run then searches with all else that the gateway left. Prints "ok NAME" or "FAIL NAME: why".

The environment also names the operator's token (BLACKBOX_ADMIN) and the gateway's folder (BLACKBOX_FOLDER).
"""

import http.client
import itertools
import json
import os
import pathlib
import sys
import urllib.parse

from blackbox import PROMPT, calls, case, check, control, fresh, main, same

ADMIN = {"authorization": "Bearer " + os.environ["BLACKBOX_ADMIN"]}
ANSWERS = pathlib.Path(os.environ["BLACKBOX_FOLDER"]) / "answers"
numbers = itertools.count(1)


def planted(kind):
    """A key that is like no other, which the run will look for."""
    secret = f"sk-planted-{kind}-{next(numbers):04d}-a9Zq"
    control("plant", secret=secret)
    return secret


def send(method, path, body=None, headers=None, keep=True):
    """One request on a connection of its own; its status, headers and body, which are kept."""
    at = urllib.parse.urlsplit(control("gateway/url")["url"])
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=20)
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    try:
        connection.request(method, path, data, {"content-type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        head = "".join(f"{name}: {value}\n" for name, value in answer.getheaders())
        try:
            said = answer.read()
        except http.client.HTTPException as cut:  # a stream that was broken off to order
            said = getattr(cut, "partial", b"")
    finally:
        connection.close()
    if keep:
        with open(ANSWERS, "ab") as kept:
            kept.write(f"{method} {path} {answer.status}\n{head}".encode() + said + b"\n")
    return answer.status, said


def question(model, **more):
    return {"model": model, "messages": [{"role": "user", "content": PROMPT}], **more}


BODIES = {
    "/v1/chat/completions": question,
    "/v1/completions": lambda model, **more: {"model": model, "prompt": PROMPT, **more},
    "/v1/responses": lambda model, **more: {"model": model, "input": PROMPT, "store": False, **more},
    "/v1/messages": lambda model, **more: question(model, max_tokens=99, **more),
    "/v1/embeddings": lambda model, **more: {"model": model, "input": PROMPT},
}
KINDS = ("plain", "e400", "e429", "e500", "html", "garbage", "empty", "cut", "midway", "break", "short")


@case("the caller's own credential, on every path and every way to fail")
def credentials():
    for (path, body), kind, streamed in itertools.product(BODIES.items(), KINDS, (False, True)):
        for name in ("authorization", "x-api-key", "api-key"):
            secret = planted("caller")
            send("POST", path, body(fresh(kind), **({"stream": True} if streamed else {})), {
                name: ("Bearer " if name == "authorization" else "") + secret, "x-portkey-cache": "semantic", "x-reprise-explain": "1",
                "x-portkey-retry-count": "1" if kind == "e500" else "0", "cookie": "session=" + planted("cookie"),
            })  # fmt: skip


@case("keys in configs, right and wrong")
def configs():
    def config(**members):
        return {"x-portkey-config": json.dumps(members)}

    for make in (
        lambda key: config(provider="box", api_key=key),
        lambda key: config(targets=[{"provider": "dead", "api_key": key}, {"provider": "box", "api_key": key}], strategy={"mode": "fallback"}),
        lambda key: config(provider="anthropic-box", api_key=key),
        lambda key: config(provider="azure-box", api_key=key),
        lambda key: config(provider="nobody", api_key=key),
        lambda key: config(provider="box", api_key=[key]),
        lambda key: config(provider="box", api_key={key: 1}),
        lambda key: config(provider="box", api_keys=key),
        lambda key: config(provider="box", api_key=key, weight=-1),
        lambda key: config(provider="box", custom_host=f"https://user:{key}@example.com/v1"),
        lambda key: config(provider="box", custom_host=f"https://{key}.example.com/v1"),
        lambda key: config(provider="box", virtual_key=key),
        lambda key: {"x-portkey-config": '{"provider":"box","api_key":"' + key},
        lambda key: {"x-portkey-custom-host": f"https://user:{key}@example.com/v1"},
        lambda key: {"x-portkey-virtual-key": key},
        lambda key: {"x-portkey-config": key},
        lambda key: {"authorization": f"Bearer {key}, Bearer {key}"},
    ):
        for kind in ("plain", "e500"):
            # What stands where a name or a host does is told back, as a name; a key that is put there by mistake is not.
            send("POST", "/v1/chat/completions", question(fresh(kind)), make(planted("config")))
    for option in ({"api_key": None}, {"api_key": None, "weight": -1}, {"api_key": None, "cache_age": "x"}, {"virtual_key": None}):
        option = {"provider": "box", **{k: planted("first") if v is None else v for k, v in option.items()}}
        for path, params in (("/v1/chatComplete", question(fresh())), ("/v1/complete", {"model": fresh(), "prompt": PROMPT})):
            send("POST", path, {"config": {"mode": "single", "options": [option]}, "params": params})


@case("keys of LangCache's API, of feedback, of what passes through and of paths that are none")
def others():
    for method, path, body in (
        ("POST", "/v1/caches/c/entries", {"prompt": PROMPT, "response": "So."}),
        ("POST", "/v1/caches/c/entries/search", {"prompt": PROMPT}),
        ("POST", "/v1/caches/c/entries/search", {"prompt": 7}),
        ("DELETE", "/v1/caches/c/entries/0000000000000001", None),
        ("POST", "/v1/feedback", {"trace_id": "t", "value": 1}),
        ("POST", "/v1/feedback", {"trace_id": "t", "value": "x"}),
        ("GET", "/v1/models", None), ("GET", "/v1/things", None), ("DELETE", "/v1/files/f", None), ("GET", "/nowhere", None),
        ("POST", "/v1/chat/completions", b"{"), ("GET", "/admin/v1/keys", None), ("GET", "/metrics", None), ("GET", "/", None),
    ):  # fmt: skip
        for name in ("authorization", "x-api-key", "x-portkey-api-key"):
            send(method, path, body, {name: ("Bearer " if name == "authorization" else "") + planted("other")})


@case("virtual keys are sent to the provider and told to nobody")
def virtual():
    first, second = planted("virtual"), planted("virtual")
    made = {"name": "team", "provider": "box", "secrets": [first]}
    same(send("POST", "/admin/v1/virtual-keys", made, ADMIN)[0], 201, "status")
    same(send("POST", "/admin/v1/virtual-keys", made, ADMIN)[0], 409, "status of the second")
    model = fresh()
    same(send("POST", "/v1/chat/completions", question(model), {"x-portkey-virtual-key": "team"})[0], 200, "status of a call")
    same(control("state", model=model)["last"]["headers"]["authorization"], "Bearer " + first, "what the provider saw")
    same(send("POST", "/admin/v1/virtual-keys/team/rotate", {"secrets": [second]}, ADMIN)[0], 200, "status of the rotation")
    model = fresh("e500")
    send("POST", "/v1/chat/completions", question(model), {"x-portkey-virtual-key": "team"})
    same(control("state", model=model)["last"]["headers"]["authorization"], "Bearer " + second, "what the provider saw after it")
    for wrong in ({"secrets": planted("virtual")}, {"secrets": [planted("virtual"), 7]}, {"secrets": [planted("virtual")], "provider": "nobody"}):
        check(send("POST", "/admin/v1/virtual-keys", {"name": "w", "provider": "box", **wrong}, ADMIN)[0] == 400, f"{list(wrong)} was taken")


@case("gateway keys are shown once, and never reach a provider")
def gateway():
    def make(**more):
        status, said = send("POST", "/admin/v1/keys", {"label": "driver", "scopes": ["call"], **more}, ADMIN, keep=False)
        same(status, 201, f"status of making one: {said[:200]!r}")
        made = json.loads(said)
        control("plant", secret=made["key"])
        return made

    good, slow = make(), make(limits={"rpm": 1})
    for name in ("authorization", "x-api-key", "x-portkey-api-key"):
        model = fresh()
        header = {name: ("Bearer " if name == "authorization" else "") + good["key"], "x-portkey-provider": "keyed"}
        same(send("POST", "/v1/chat/completions", question(model), header)[0], 200, f"status with {name}")
        seen = control("state", model=model)["last"]
        check(good["key"] not in json.dumps(seen), f"the provider saw the gateway's key, sent as {name}")
    same(send("POST", "/v1/chat/completions", question(fresh()))[0], 401, "status without one")
    same(send("GET", "/admin/v1/keys", None, {"authorization": "Bearer " + good["key"]})[0], 403, "status beyond its scope")
    limited = {"x-portkey-api-key": slow["key"], "x-portkey-provider": "keyed"}
    last = [send("POST", "/v1/chat/completions", question(fresh()), limited)[0] for _ in range(3)][-1]
    same(last, 429, "status over the limit")
    same(send("DELETE", f"/admin/v1/keys/{good['id']}", None, ADMIN)[0], 204, "status of revoking it")
    same(send("POST", "/v1/chat/completions", question(fresh()), {"x-portkey-api-key": good["key"]})[0], 401, "status of a revoked one")


@case("what operators read has none of them")
def operators():
    for path in ("keys", "virtual-keys", "logs", "logs/export", "costs", "configs", "health", "schemas/config", "schemas/request"):
        status, said = send("GET", f"/admin/v1/{path}", None, ADMIN)
        check(status in (200, 404, 409, 501), f"status {status} of {path}: {said[:200]!r}")
    status, said = send("POST", "/admin/v1/entries/export", {}, ADMIN)
    check(status == 200 and b"Call 1" in said, f"status {status} of the export: {said[:200]!r}")
    send("GET", "/metrics", None, ADMIN)
    check(calls("plain--py-1") >= 1, "nothing was asked")
    check(ANSWERS.stat().st_size > 100_000, f"only {ANSWERS.stat().st_size} bytes of answers")


if __name__ == "__main__":
    sys.exit(main())
