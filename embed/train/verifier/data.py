"""Builds what the verifier is trained and measured on. Deterministic: equal inputs and seed give equal files.

    python data.py --authored DIR --qqp FILE --intents FILE --intents FILE --wordnet DIR --model DIR --out DIR

Writes, as lines of {"a", "b", "same", "from", "kind" ...}: qqp.jsonl (question pairs), rules.jsonl (made by rule, and mined), authored.jsonl,
authored_rules.jsonl and authored_mined.jsonl (the training domains), found.jsonl (neighbours that were labelled), neighbours.jsonl (neighbours that
were not), and for measuring only: dev.jsonl, heldout.jsonl, calibration.jsonl
(authored), qqp_dev.jsonl, qqp_heldout.jsonl. Of the conversations, as renderings: conversations.jsonl, conversations_rules.jsonl, and
for measuring conversations_dev.jsonl and conversations_heldout.jsonl.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import itertools
import json
import pathlib
import random

import numpy as np

import authored
import conversation
import mine
from rules import Rules, words
from wordnet import WordNet


def read_gz(path: pathlib.Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def components(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Of each text a name that it shares with every text it is linked to, directly or not."""
    parent: dict[str, str] = {}

    def root(x: str) -> str:
        parent.setdefault(x, x)
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for a, b in pairs:
        parent[root(a)] = root(b)
    return {t: root(t) for t in parent}


def split_qqp(rows: list[dict], rng: random.Random, heldout: int, dev: int) -> dict[str, list[dict]]:
    """By connected component, so that no question of one part stands in another. The largest components train."""
    of = components([(r["a"].lower(), r["b"].lower()) for r in rows])
    groups = collections.defaultdict(list)
    for r in rows:
        groups[of[r["a"].lower()]].append(r)
    parts: dict[str, list[dict]] = {"heldout": [], "dev": [], "train": []}
    names = sorted(groups)
    rng.shuffle(names)
    for name in names:
        g = groups[name]
        part = "heldout" if len(parts["heldout"]) < heldout else "dev" if len(parts["dev"]) < dev else "train"
        parts[part if len(g) <= 20 else "train"] += g
    return parts


def rule_rows(rules: Rules, rng: random.Random, texts: list[str], duplicates: list[tuple[str, str]], traps: int, nears: int) -> list[dict]:
    """Traps and near repeats of single texts and of known duplicates, half each."""
    rows = []

    def trap(a: str, b: str) -> None:
        t = rules.trap(b)
        if t:
            new = rules.near(t[0]) if rng.random() < 0.35 else t[0]
            rows.append({"a": a, "b": new, "same": False, "from": "rule", "kind": t[1]})

    for s in rng.choices(texts, k=traps * 2 // 3):
        trap(s, s)
    for a, b in rng.choices(duplicates, k=traps // 3):
        trap(a, b)
    for s in rng.choices(texts, k=nears // 2):
        rows.append({"a": s, "b": rules.near(s), "same": True, "from": "rule", "kind": "near"})
    for a, b in rng.choices(duplicates, k=nears // 2):
        rows.append({"a": rules.near(a), "b": rules.near(b), "same": True, "from": "rule", "kind": "near"})
    return rows


def mined_intents(model: pathlib.Path, rows: list[dict], count: int) -> list[dict]:
    """Requests that the encoder finds near and whose intents differ. Nearer ones are often one request under two labels."""
    found = mine.near_others(mine.embed(model, [r["text"] for r in rows]), [r["intent"] for r in rows], k=3, below=0.75)
    return [
        {"a": rows[i]["text"], "b": rows[j]["text"], "same": False, "from": "intent", "kind": "mined"} for _, i, j in found[:count]
    ]


def by_domain(pairs: list[authored.Pair]) -> list[tuple[str, str]]:
    """The questions of the pairs, each with its domain, those of one domain together."""
    questions: dict[str, dict[str, None]] = collections.defaultdict(dict)
    for p in pairs:
        questions[p.domain].update({p.a: None, p.b: None})
    return [(t, d) for d in sorted(questions) for t in questions[d]]


def mined_authored(pairs: list[authored.Pair], texts: list[tuple[str, str]], vectors: np.ndarray, k: int) -> list[dict]:
    """Questions of one domain that no pair declares the same, the nearest of each: other topics, so other answers. texts are by_domain's."""
    of = components([(p.a, p.b) for p in pairs if p.same] + [(p.a, p.a) for p in pairs] + [(p.b, p.b) for p in pairs])
    linked = {frozenset((p.a, p.b)) for p in pairs}
    rows = []
    start = 0
    for _, domain in itertools.groupby(texts, key=lambda x: x[1]):
        own = [t for t, _ in domain]
        v = vectors[start : start + len(own)]
        start += len(own)
        for _, i, j in mine.near_others(v, [of[t] for t in own], k=min(k, len(own) - 1), below=0.8):
            if frozenset((own[i], own[j])) not in linked:
                rows.append({"a": own[i], "b": own[j], "same": False, "from": "authored", "kind": "mined"})
    return rows


def neighbours(rules: Rules, rng: random.Random, texts: list[tuple[str, str]], vectors: np.ndarray, count: int) -> list[dict]:
    """Texts with what lies nearest of other labels, not so near that it might be the same: all that a cache finds for most questions.

    Pairs that people write and label are alike in one way or another. Without these a model never sees two that are not, and says
    of any two sentences of unlike form that one paraphrases the other. One in three has slips of the pen.
    """
    found = mine.near_others(vectors, [label for _, label in texts], k=8, below=0.55)
    rows = []
    for _, i, j in rng.sample(found, min(count, len(found))):
        a, b = texts[i][0], texts[j][0]
        rows.append({"a": a, "b": rules.near(b) if rng.random() < 0.33 else b, "same": False, "from": "neighbour", "kind": "other"})
    return rows


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--authored", type=pathlib.Path, required=True, help="folder with authored_pairs*.jsonl and authored_conversations*.jsonl")
    p.add_argument("--qqp", type=pathlib.Path, required=True, help="gzipped lines of a, b, same")
    p.add_argument("--intents", type=pathlib.Path, action="append", default=[], help="gzipped lines of text, intent; repeatable")
    p.add_argument("--wordnet", type=pathlib.Path, default=pathlib.Path("/usr/share/wordnet"))
    p.add_argument("--model", type=pathlib.Path, required=True, help="folder of all-MiniLM-L6-v2")
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("--seed", type=int, default=20)
    a = p.parse_args()
    rng = random.Random(a.seed)
    a.out.mkdir(parents=True, exist_ok=True)

    pairs = authored.read(a.authored)
    qqp = split_qqp(read_gz(a.qqp), rng, heldout=4000, dev=1500)
    intents = [r for f in a.intents for r in read_gz(f) if r["intent"] != "oos"]
    train = [q for q in pairs if q.part == "train" and not q.found]
    found = [q for q in pairs if q.part == "train" and q.found]

    asked = [{"a": r["a"], "b": r["b"], "same": r["same"], "from": "qqp", "kind": "qqp"} for r in qqp["train"]]
    texts = [t for r in qqp["train"] for t in (r["a"], r["b"])] + [r["text"] for r in intents]
    texts = sorted({t for t in texts if 3 <= len(t.split()) <= 25})
    rules = Rules(rng, texts, WordNet(a.wordnet, collections.Counter(w for t in texts for w in words(t))))
    same = [(r["a"], r["b"]) for r in qqp["train"] if r["same"]]
    made = rule_rows(rules, rng, texts, same, traps=42000, nears=36000)
    for name, draw, count in (("turned", rules.turned, 7000), ("defined", rules.defined, 12000)):
        for _ in range(count):
            x, y, s = draw()
            made.append({"a": x, "b": y, "same": s, "from": "rule", "kind": name})
    made += mined_intents(a.model, rng.sample(intents, min(10000, len(intents))), 5000)

    def labelled(some: list[authored.Pair]) -> list[dict]:
        return [{"a": q.a, "b": q.b, "same": q.same, "from": "authored", "kind": q.kind, "domain": q.domain} for q in some]

    same = [(q.a, q.b) for q in train if q.same]
    singles = sorted({t for q in train for t in (q.a, q.b)})
    edited = rule_rows(rules, rng, singles, same, traps=14000, nears=12000)
    for r in edited:
        r["from"] = "authored_rule"
    questions = by_domain(train)
    vectors = mine.embed(a.model, [t for t, _ in questions])
    extra = mined_authored(train, questions, vectors, k=2)
    of = components([(r["a"].lower(), r["b"].lower()) for r in qqp["train"]])
    asked_texts = sorted({t for r in qqp["train"] for t in (r["a"], r["b"])})
    others = [(t, "qqp " + of[t.lower()]) for t in rng.sample(asked_texts, min(20000, len(asked_texts)))]
    others += [(r["text"], "intent " + r["intent"]) for r in rng.sample(intents, min(8000, len(intents)))]
    apart = neighbours(rules, rng, questions + others, np.concatenate([vectors, mine.embed(a.model, [t for t, _ in others])]), 60000)

    def write(name: str, rows: list[dict]) -> None:
        rng.shuffle(rows)
        with (a.out / name).open("w", encoding="utf-8") as f:
            for r in rows:
                f.write(json.dumps(r, ensure_ascii=False) + "\n")
        kinds = collections.Counter((r["from"], r["kind"], r["same"]) for r in rows)
        print(name, len(rows), f"{sum(r['same'] for r in rows) / max(1, len(rows)):.3f} same")
        for k, n in sorted(kinds.items()):
            print("   ", *k, n)

    write("qqp.jsonl", asked)
    write("rules.jsonl", made)
    write("authored.jsonl", labelled(train))
    write("found.jsonl", labelled(found))
    write("authored_rules.jsonl", edited)
    write("authored_mined.jsonl", extra)
    write("neighbours.jsonl", apart)
    for part in ("dev", "heldout", "calibration"):
        write(f"{part}.jsonl", labelled([q for q in pairs if q.part == part]))
    chats = conversation.pairs(a.authored, a.seed)
    write("conversations_rules.jsonl", [r for r in chats if r["from"] == "conversation_rule"])
    for part, name in (("train", "conversations"), ("dev", "conversations_dev"), ("heldout", "conversations_heldout")):
        write(f"{name}.jsonl", [r for r in chats if r["from"] == "conversation" and r["part"] == part])
    for part in ("dev", "heldout"):
        write(f"qqp_{part}.jsonl", [{"a": r["a"], "b": r["b"], "same": r["same"], "from": "qqp", "kind": "qqp"} for r in qqp[part]])


if __name__ == "__main__":
    main()
