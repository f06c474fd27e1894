"""Turns a conversation into the one text that encoder, guards and verifier read.

    python rendering.py --data DIR --reference FILE    # renderings that the Go side must agree with, byte for byte

The rendering is the last user turn and, after " | ", what it may lean on, oldest first: every earlier user turn but for what is mere
courtesy or belongs to a topic that was left; of the assistant's turns the last one, and the sentences that hold a number, a name, a
negation or code, share a word with the last turn, or ask what a short user turn then answers. The rules see bytes and the words of
cache/lexicon/conversation.txt, never a model, and are those of cache/conversation_render.go: a change is made in both, with the reference.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import re

ROOM = 120  # units, about tokens, that a rendering may take, so that two of them fit the verifier's 256 tokens
REPLY_ROOM = 48  # of these, what the assistant's last turn may take before the user's earlier turns have had their choice
SHORT = 2  # a user turn of at most so many words of content answers what was asked before it
ALONE = 3  # words of content that make a topic of its own, those of leaving the old one aside


def _lists(path: pathlib.Path) -> dict[str, frozenset[bytes]]:
    out: dict[str, set[bytes]] = {}
    for line in path.read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            name, entries = line.split(": ", 1)
            out.setdefault(name, set()).update(e.encode() for e in entries.split(", "))
    return {name: frozenset(entries) for name, entries in out.items()}


L = _lists(pathlib.Path(__file__).resolve().parents[3] / "cache" / "lexicon" / "conversation.txt")
TERM = re.compile(rb"[0-9A-Za-z\x80-\xff]+(?:['\-][0-9A-Za-z\x80-\xff]+)*")
SPLIT = re.compile(rb"[.!?]+ |\n")
CODE = re.compile(rb"[`={}<>\\]|\(\)|::|->|://")


@dataclasses.dataclass
class Sentence:
    text: bytes
    terms: list[bytes]  # as written
    lower: list[bytes]
    content: list[bytes]  # stems of the words that are no function words
    user: bool


def clean(text: bytes) -> bytes:
    """One space for white space, a newline where there was one; a lone | becomes /, because " | " is the rendering's own."""
    lines = []
    for line in text.replace(b"\xe2\x80\x99", b"'").split(b"\n"):
        words = [b"/" if w == b"|" else w for w in re.split(rb"[ \t\r\f\v]+", line) if w]
        if words:
            lines.append(b" ".join(words))
    return b"\n".join(lines)


def stem(word: bytes) -> bytes:
    """Enough for forms of one word to meet: the first six bytes, without a plural s."""
    if word.endswith(b"'s"):
        word = word[:-2]
    if len(word) > 3 and word.endswith(b"s") and not word.endswith(b"ss"):
        word = word[:-1]
    return word[:6]


def sentences(text: bytes, user: bool) -> list[Sentence]:
    out = []
    at = 0
    for m in [*SPLIT.finditer(text), None]:
        piece = (text[at:] if m is None else text[at : m.end()]).strip(b" \n")
        at = len(text) if m is None else m.end()
        terms = TERM.findall(piece)
        if terms:
            lower = [t.lower() for t in terms]
            out.append(Sentence(piece, terms, lower, [stem(t) for t in lower if t not in L["stop"]], user))
        elif piece and out:
            out[-1].text += b" " + piece
        elif piece:
            out.append(Sentence(piece, [], [], [], user))
    return out


def courtesy(s: Sentence) -> bool:
    polite = False
    for t in s.lower:
        if t in L["courtesy"]:
            polite = True
        elif t not in L["stop"] and t not in L["idle"] or t in L["negation"]:
            return False
    return polite or not s.terms


def has(s: Sentence, name: str) -> bool:
    """Whether the sentence holds an entry of a list; one of several words as they stand, side by side."""
    if any(t in L[name] for t in s.lower):
        return True
    line = b" " + b" ".join(s.lower) + b" "
    return any(b" " + p + b" " in line for p in L[name] if b" " in p)


def fact(s: Sentence) -> bool:
    """A number, a name (a capital that does not begin the sentence), a negation or code."""
    for i, t in enumerate(s.terms):
        if re.search(rb"[0-9]", t) or i > 0 and t[:1].isupper() and t != b"I" and not t.startswith(b"I'"):
            return True
    return any(t in L["negation"] for t in s.lower) or CODE.search(s.text) is not None


def units(text: bytes) -> int:
    """About how many tokens a text has: long words and numbers have several."""
    n = 0
    for t in TERM.findall(text):
        n += (len(t) + 1) // 2 if re.search(rb"[0-9]", t) else 1 + (len(t) - 1) // 6
    rest = TERM.sub(b"", text)
    return n + sum(1 for c in rest if c not in b" \n")


LEAVING = frozenset(stem(w) for phrase in L["switch"] for w in phrase.split())


def opens(own: list[Sentence]) -> bool:
    """Whether a user turn leaves the topic for one of its own: it says so, and what follows stands alone."""
    at = next((i for i, s in enumerate(own) if has(s, "switch")), -1)
    if at < 0:
        return False
    rest = own[at:]
    return not any(has(s, "pointer") for s in rest) and len({c for s in rest for c in s.content} - LEAVING) >= ALONE


def render(messages: list[dict]) -> str:
    """The text of a conversation whose last message is a user's."""
    return reduced(messages)[0]


def reduced(messages: list[dict]) -> tuple[str, list]:
    """The rendering, and what two conversations must have alike beside it: messages of other roles, and what found no room."""
    said = [(m["role"] == "user", clean(m["content"].encode())) for m in messages if m["role"] in ("user", "assistant")]
    turns = [sentences(text, user) for user, text in said]
    context, left = choose(turns)
    equal = [(m["role"], m["content"]) for m in messages if m["role"] not in ("user", "assistant")] + left
    if not context:
        return messages[-1]["content"], equal
    own = said[-1][1].replace(b"\n", b" ")
    return (ended(own) + b" | " + b" ".join(ended(s.text) for s in context)).decode(), equal


def ended(text: bytes) -> bytes:
    return text + b"." if re.search(rb"[0-9A-Za-z\x80-\xff]$", text) else text


def choose(turns: list[list[Sentence]]) -> tuple[list[Sentence], list[bytes]]:
    """What of the earlier turns is rendered, oldest first, and what would be, had it found room."""
    last = len(turns) - 1
    start = max([i for i, turn in enumerate(turns) if turn and turn[0].user and opens(turn)], default=0)
    asked = {c for s in turns[last] for c in s.content}
    wanted: list[Sentence] = []  # most wanted first
    late: list[Sentence] = []  # of the assistant's last turn, what would crowd out the user's
    if last - 1 >= start and turns[last - 1] and not turns[last - 1][0].user:
        room = REPLY_ROOM
        for s in turns[last - 1]:
            if not courtesy(s):
                room -= units(s.text)
                (wanted if room >= 0 else late).append(s)
    for i in range(last - 1, -1, -1):
        wanted += [s for s in turns[i] if s.user and not courtesy(s) and (i >= start or has(s, "instruction"))]
    wanted += late
    facts: list[Sentence] = []  # what may as well stay out
    for i in range(last - 2, start - 1, -1):
        answer = turns[i + 1]
        short = bool(answer) and answer[0].user and sum(len(s.content) for s in answer) <= SHORT
        for s in turns[i]:
            if s.user or courtesy(s):
                continue
            if asked & set(s.content):
                wanted.append(s)
            elif fact(s) or short and s.text.endswith(b"?"):
                facts.append(s)
    room = ROOM - sum(units(s.text) for s in turns[last])
    taken, left = set(), []
    for s in wanted + facts:
        if (need := units(s.text)) <= room:
            room -= need
            taken.add(id(s))
        elif not any(s is f for f in facts):
            left.append(s.text)
    return [s for turn in turns[:last] for s in turn if id(s) in taken], left


def reference(folder: pathlib.Path, count: int) -> list[str]:
    """Lines of a conversation, its rendering and the number of texts that found no room, spread over the authored ones."""
    rows = [json.loads(line) for f in sorted(folder.glob("authored_conversations.jsonl")) for line in f.read_text("utf-8").splitlines()]
    sides = [r[side] for r in rows for side in "ab"]
    lines = []
    for messages in sides[:: max(1, len(sides) // count)][:count]:
        text, equal = reduced(messages)
        left = [t.decode() for t in equal if isinstance(t, bytes)]
        lines.append(json.dumps({"messages": messages, "text": text, "left": left}, ensure_ascii=False))
    return lines


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", type=pathlib.Path, required=True, help="folder with authored_conversations.jsonl")
    p.add_argument("--reference", type=pathlib.Path, required=True)
    p.add_argument("--count", type=int, default=60)
    a = p.parse_args()
    a.reference.write_text("\n".join(reference(a.data, a.count)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
