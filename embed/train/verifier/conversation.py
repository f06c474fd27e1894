"""Reads the authored conversations as pairs of renderings, and makes more of them by rule.

    python conversation.py --data DIR --out FILE

A line has {"a", "b", "same", "kind", "part", "from"}. A pair of renderings may have 250 tokens: training has to read them whole.
"""

from __future__ import annotations

import argparse
import copy
import json
import pathlib
import random
import re

from rendering import fact, has, reduced, render, sentences

__all__ = ["pairs", "read", "render"]

FOLD = 5  # of each set, pairs number 2, 7, 12 … are held out, and never trained on
WHOLE = {"w": "train", "x": "calibration"}  # sets that serve one purpose, whatever the number of their pairs
LONG = 30  # a user turn of so many letters that a held-out conversation has too keeps a pair out of the training part

ASIDES = """It's pouring down outside again.|My cat just walked over the keyboard.|I'm on my third coffee already.|Sorry, phone rang.|My kids
are making so much noise today.|Hang on, someone's at the door.|Back again, it was the postman.|I'm writing this on the train.|Long day, I'm
quite tired.|My neighbour is drilling again.|My sister says hello.|Wow, that was quick.|I should have asked you weeks ago.|My boss just walked
past.|The dog wants to go out.|It's nearly lunch time here.|I can't believe it's already autumn.|I'm usually hopeless at this.|My mother would
laugh at me.|Excuse the typos, I'm on my phone.|I'm sitting in the garden, finally some sun.|My flatmate just came home with pizza.|Haha, you
sound like my teacher.|Give me a second, I need a pen.|Okay, got a pen.|I slept terribly last night.|The radio is playing my favourite song.|We're
having guests tonight, so I'm in a hurry.|You're more patient than my husband.|I wish I had known that last year.|My tea has gone cold.|It's so hot in
here.|I've been putting this off forever.|Fingers crossed.|My glasses are all fogged up.|The bus is late as usual.|I'm a bit nervous, to be honest.|That
made me laugh.|My grandfather used to say that too.|What a week.""".replace("\n", " ").split("|")
ANSWERS = ["Ha, no hurry.", "Take your time!", "Sounds like it.", "I can imagine.", "Good to hear!", "No problem at all.", "Enjoy it!", "That happens.", "Ha, say hello back."]
GREETINGS = ["Hi!", "Hello there,", "Good morning!", "Hey,", "Hi, hope you're well.", "Good evening,", "Hello,"]
THANKS = ["Thanks!", "Great, thanks.", "OK, thank you.", "Perfect.", "Got it.", "Super.", "Alright."]
RULES = [
    "From now on answer me in one sentence.", "Please answer in French from now on.", "Always give me a table.", "No lists please, only running text.",
    "Explain everything as if I were ten.", "Please use only metric units.", "Never use emojis.", "Reply in German, please.", "Always give a source.",
    "Keep your answers under fifty words.", "Talk to me like a pirate.", "Please be very formal.", "Use bullet points only.",
]
SWAPS = [
    ("yes", "no"), ("not yet", "already"), ("never", "often"), ("mother", "father"), ("wife", "brother"), ("son", "mother"), ("daughter", "uncle"), ("before", "after"),
    ("monday", "friday"), ("tuesday", "saturday"), ("wednesday", "sunday"), ("january", "may"), ("june", "october"), ("march", "september"), ("morning", "evening"),
    ("red", "green"), ("blue", "white"), ("black", "brown"), ("buy", "sell"), ("cheap", "good"), ("small", "large"), ("new", "used"), ("electric", "manual"),
    ("with", "without"), ("android", "iphone"), ("windows", "linux"), ("python", "java"), ("postgres", "mysql"), ("spain", "norway"), ("london", "madrid"),
    ("berlin", "vienna"), ("paris", "prague"), ("dog", "cat"), ("cat", "rabbit"), ("car", "van"), ("train", "bus"), ("kitchen", "bathroom"), ("cash", "card"),
    ("refund", "replacement"), ("cancel", "extend"), ("beginner", "expert"), ("works", "fails"), ("can", "can't"), ("is", "isn't"), ("vegan", "low-carb"), ("first", "second"),
]


def read(folder: pathlib.Path, pattern: str = "authored_conversations*.jsonl") -> list[dict]:
    """Pairs of every matching file, each with its part."""
    files = sorted(folder.glob(pattern))
    if not files:
        raise SystemExit(f"conversation: no {pattern} in {folder}")
    rows, seen = [], {}
    for path in files:
        for at, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            row = json.loads(line)
            if missing := {"a", "b", "same", "kind", "set"} - row.keys():
                raise SystemExit(f"conversation: {path.name} line {at} lacks {', '.join(sorted(missing))}")
            number = seen[row["set"]] = seen.get(row["set"], -1) + 1
            row["part"] = WHOLE.get(row["set"]) or ("heldout" if number % FOLD == 2 else "dev" if number % 15 == 9 else "train")
            rows.append(row)
    for part, others in (("heldout", ("train", "dev", "calibration")), ("calibration", ("train",))):
        away = {t for r in rows if r["part"] == part for t in _turns(r)}
        rows = [r for r in rows if r["part"] not in others or not away & set(_turns(r))]
    return rows


def _turns(row: dict) -> list[str]:
    return [m["content"].lower() for side in "ab" for m in row[side] if m["role"] == "user" and len(m["content"]) >= LONG]


def pair(a: list[dict], b: list[dict], same: bool, kind: str, part: str, source: str) -> dict | None:
    """The row of two conversations; None for a trap that the verifier is never asked about, since it is told by hash."""
    (x, first), (y, second) = reduced(a), reduced(b)
    if not same and (first != second or x == y):
        return None
    return {"a": x, "b": y, "same": same, "kind": kind, "part": part, "from": source}


def pairs(folder: pathlib.Path, seed: int = 20, rounds: int = 2) -> list[dict]:
    """Rows of every authored pair, and over the training part rows made by rule."""
    rng = random.Random(seed)
    authored = read(folder)
    rows = [pair(r["a"], r["b"], bool(r["same"]), r["kind"], r["part"], "conversation") for r in authored]
    train = [r for r in authored if r["part"] == "train"]
    for _ in range(rounds):
        for r in train:
            for a, b in ((r["a"], r["b"]), (r["b"], r["a"])):
                other = a if not r["same"] or rng.random() < 0.4 else b
                rows += _made(rng, a, other, rng.choice(train))
    out, known = [], set()
    for row in rows:
        if row and (key := (row["a"], row["b"])) not in known:
            known.add(key)
            out.append(row)
    return out


def _made(rng: random.Random, a: list[dict], b: list[dict], stranger: dict) -> list[dict | None]:
    """b says the same as a. What only chats stays the same; what changes an earlier turn's fact does not."""
    rows = [pair(a, _restyled(rng, b), True, "chatter", "train", "conversation_rule")]
    if rng.random() < 0.5:
        rows.append(pair(a, _prefaced(rng, b, stranger["a"]), True, "irrelevant", "train", "conversation_rule"))
    traps = [("detail", _number), ("detail", _swapped), ("instruction", _instructed), ("state", _cut)]
    for kind, make in rng.sample(traps, 2):
        if changed := make(rng, b):
            if rng.random() < 0.5:
                changed = _restyled(rng, changed)
            rows.append(pair(a, changed, False, kind, "train", "conversation_rule"))
    if rng.random() < 0.3 and len(stranger["a"]) > 1 and stranger["a"][-1]["content"] != a[-1]["content"]:
        # The same last words in another conversation.
        rows.append(pair(a, stranger["a"][:-1] + [a[-1]], False, "context", "train", "conversation_rule"))
    return rows


def _users(messages: list[dict]) -> list[int]:
    """The user's earlier turns."""
    return [i for i, m in enumerate(messages[:-1]) if m["role"] == "user"]


def _restyled(rng: random.Random, messages: list[dict]) -> list[dict]:
    """With asides, greetings and thanks in the user's turns, and a digression between them."""
    out = copy.deepcopy(messages)
    users = _users(out)
    for i in rng.sample(users, min(len(users), rng.choice((1, 1, 2, 3)))):
        said, aside = out[i]["content"], rng.choice(ASIDES)
        out[i]["content"] = rng.choice((f"{said} {aside}", f"{aside} {said}", f"{rng.choice(GREETINGS)} {said}"))
    if rng.random() < 0.3:
        said = out[-1]["content"]
        out[-1]["content"] = rng.choice((f"{rng.choice(THANKS)} {said}", f"{rng.choice(ASIDES)} {said}"))
    if users and rng.random() < 0.5:
        at = rng.choice(users)
        out[at:at] = [{"role": "user", "content": rng.choice(ASIDES)}, {"role": "assistant", "content": rng.choice(ANSWERS)}]
    return out


def _prefaced(rng: random.Random, messages: list[dict], stranger: list[dict]) -> list[dict]:
    """After an exchange about something else."""
    head = [m for m in messages if m["role"] == "system"]
    talk = [m for m in stranger if m["role"] != "system"][:2]
    if len(talk) < 2 or talk[0]["role"] != "user" or any(has(s, "instruction") for s in sentences(talk[0]["content"].encode(), True)):
        return messages
    rest = copy.deepcopy([m for m in messages if m["role"] != "system"])
    turn = rng.choice(("Thanks. New topic: ", "Great. Something else: ", "OK, by the way: ", "Thanks! ", "Good to know. ", "Now to something else. "))
    rest[0]["content"] = turn + rest[0]["content"]
    return head + talk + rest


def _number(rng: random.Random, messages: list[dict]) -> list[dict] | None:
    """One number of the user's earlier turns is another, wherever it stands."""
    found = [n for i in _users(messages) for n in re.findall(r"(?<![\w.,:])\d+(?![\w.,:]*\d)", messages[i]["content"])]
    if not found:
        return None
    old = rng.choice(found)
    new = str(max(1, int(old) + rng.choice((-3, -2, -1, 1, 2, 5, int(old)))))
    if new == old:
        return None
    out = copy.deepcopy(messages)
    for m in out:
        m["content"] = re.sub(rf"(?<!\d){re.escape(old)}(?!\d)", new, m["content"])
    return out if out[-1] == messages[-1] else None


def _swapped(rng: random.Random, messages: list[dict]) -> list[dict] | None:
    """One word of the user's earlier turns is its opposite or sibling, wherever it stands before the last turn."""
    said = " " + " ".join(re.findall(r"[a-z'-]+", " ".join(messages[i]["content"].lower() for i in _users(messages)))) + " "
    found = [(x, y) for p in SWAPS for x, y in (p, p[::-1]) if f" {x} " in said]
    if not found:
        return None
    old, new = rng.choice(found)
    out = copy.deepcopy(messages)
    for m in out[:-1]:
        m["content"] = re.sub(rf"\b{old}\b(?!['-])", lambda f: new.capitalize() if f[0][0].isupper() else new, m["content"], flags=re.IGNORECASE)
    return out if out != messages else None


def _instructed(rng: random.Random, messages: list[dict]) -> list[dict] | None:
    """With a rule for all answers that the other conversation does not have."""
    users = _users(messages)
    if not users:
        return None
    out = copy.deepcopy(messages)
    at, rule = rng.choice(users), rng.choice(RULES)
    said = out[at]["content"]
    out[at]["content"] = rng.choice((f"{said} {rule}", f"{rule} {said}"))
    return out


def _cut(rng: random.Random, messages: list[dict]) -> list[dict] | None:
    """Without one exchange, and with what it settled still open. One that asks nothing and gives no fact would not matter."""
    users = [
        i for i in _users(messages)[1:]
        if messages[i - 1]["role"] == "assistant" and any(fact(s) for s in sentences(messages[i]["content"].encode(), True))
    ]
    if not users:
        return None
    at = rng.choice(users)
    return copy.deepcopy(messages[: at - 1] + messages[at + 1 :])


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", type=pathlib.Path, required=True, help="folder with authored_conversations*.jsonl")
    p.add_argument("--out", type=pathlib.Path, required=True)
    a = p.parse_args()
    rows = pairs(a.data)
    a.out.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    print(f"{len(rows)} pairs, {sum(r['same'] for r in rows)} the same")


if __name__ == "__main__":
    main()
