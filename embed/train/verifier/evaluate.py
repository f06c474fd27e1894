"""Measures a verifier, and the cosine of the search encoder, on the parts that were never trained on.

    python evaluate.py --data DIR --model DIR [--encoder DIR] [--weights FILE] [--quantised FILE] [--one-order] [--part heldout|dev|calibration]

Prints Markdown. Intervals are 95 % bootstraps over what the pairs are about: their domains, or the questions that hang together. A
threshold is set on all traps of a set together; the lines by kind are read at that same threshold. Given float weights and a quantised
file it also says what quantising costs; with --one-order, what the second order is worth.
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np
import torch

import data
import measure
import mine
from model import PairTokenizer, Verifier, logits
from quantised import load_quantised
from rows import read


def cosine(folder: pathlib.Path, pairs: list[tuple[str, str]]) -> np.ndarray:
    v = mine.embed(folder, [t for p in pairs for t in p])
    return (v[0::2] * v[1::2]).sum(1)


def subjects(rows: list[dict]) -> list[str]:
    """What each pair is about: its domain, or without one the questions that hang together with its own, from pair to pair."""
    of = data.components([(r["a"].lower(), r["b"].lower()) for r in rows if "domain" not in r])
    return ["domain " + r["domain"] if "domain" in r else "question " + of[r["a"].lower()] for r in rows]


def table(name: str, rows: list[dict], scores: dict[str, np.ndarray]) -> None:
    same = np.array([r["same"] for r in rows])
    kinds = np.array([r["kind"] for r in rows])
    subject = subjects(rows)
    print(f"\n### {name}: {same.sum()} same, {(~same).sum()} traps\n")
    print("| same-pairs accepted | " + " | ".join(f"at {f:.0%} of traps" for f in measure.SHARES) + " | average precision |")
    print("|---" * (len(measure.SHARES) + 2) + "|")
    for who, s in scores.items():
        cells = []
        for f in measure.SHARES:
            low, high = measure.interval(lambda x, y: measure.accepted(x, y, f), s, same, subject)
            cells.append(f"{measure.accepted(s, same, f):.1%} ({low:.1%} to {high:.1%})")
        low, high = measure.interval(measure.average_precision, s, same, subject, rounds=300)
        print(f"| {who} | {' | '.join(cells)} | {measure.average_precision(s, same):.4f} ({low:.3f} to {high:.3f}) |")
    if len(set(kinds)) < 2:
        return
    print("\n| by kind, let through at 1 / 2 / 5 % of all traps | " + " | ".join(scores) + " |")
    print("|---" * (len(scores) + 1) + "|")
    for kind, yes in sorted({(k, bool(y)) for k, y in zip(kinds, same)}, key=lambda x: (not x[1], x[0])):
        at = (kinds == kind) & (same == yes)
        cells = []
        for s in scores.values():
            limits = [np.sort(s[~same])[::-1][int(f * (~same).sum())] for f in measure.SHARES]
            cells.append(" / ".join(f"{(s[at] > t).mean():.1%}" for t in limits))
        print(f"| {kind} ({'same' if yes else 'trap'}, {at.sum()}) | {' | '.join(cells)} |")


def difference(name: str, rows: list[dict], one: np.ndarray, other: np.ndarray) -> None:
    """How much average precision one has over the other, on the same resamples."""
    same = np.array([r["same"] for r in rows])
    figure = lambda s, y: measure.average_precision(s[:, 0], y) - measure.average_precision(s[:, 1], y)  # noqa: E731
    both = np.stack([one, other], 1)
    low, high = measure.interval(figure, both, same, subjects(rows), rounds=300)
    print(f"\n{name}: average precision {figure(both, same):+.4f} ({low:+.4f} to {high:+.4f})")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", type=pathlib.Path, required=True)
    p.add_argument("--model", type=pathlib.Path, required=True, help="folder of start.py")
    p.add_argument("--encoder", type=pathlib.Path, help="folder of ../finetune.py, or of all-MiniLM-L6-v2; without either, no cosine")
    p.add_argument("--weights", type=pathlib.Path, action="append", default=[], help="float weights of train.py; repeatable")
    p.add_argument("--quantised", type=pathlib.Path, action="append", default=[], help="file of export.py; repeatable")
    p.add_argument("--part", choices=("heldout", "dev", "calibration"), default="heldout")
    p.add_argument("--one-order", action="store_true", help="also score each pair in the order given only")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    tok = PairTokenizer(a.model)
    models = {}
    for w in a.weights:
        models[w.stem] = Verifier.load(a.model, w)
    for q in a.quantised:
        models[q.stem + " int8"] = load_quantised(a.model, q)
    prefixes = {"authored": "", "question pairs": "qqp_", "conversations": "conversations_"}
    for name, prefix in prefixes.items():
        file = a.data / f"{prefix}{a.part}.jsonl"
        if not file.exists():
            continue
        rows = read(file)
        pairs = [(r["a"], r["b"]) for r in rows]
        scores = {"cosine": cosine(a.encoder, pairs)} if a.encoder else {}
        for who, m in models.items():
            z = logits(m, tok, pairs)
            scores[who] = torch.sigmoid(z.mean(0)).numpy()
            if a.one_order:
                scores[who + ", one order"] = torch.sigmoid(z[0]).numpy()
        table(f"{name} {a.part}", rows, scores)
        for w in a.weights:
            for q in a.quantised:
                difference(f"{q.stem} int8 over {w.stem} float32", rows, scores[q.stem + " int8"], scores[w.stem])
        if a.one_order:
            for who in models:
                difference(f"{who}: both orders over one", rows, scores[who], scores[who + ", one order"])


if __name__ == "__main__":
    main()
