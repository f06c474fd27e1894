"""Reads the authored pairs (../data) and says which domain, and so which part, each belongs to."""

from __future__ import annotations

import collections
import dataclasses
import json
import pathlib

BLOCK = 30  # pairs a domain, in order, in a file whose rows do not name theirs
# Sets that serve one purpose, whatever the number of their domains.
WHOLE = dict.fromkeys("rupywt", "train") | dict.fromkeys("svzqx", "calibration")
FOUND = "wx"  # sets of what a search found: b is a question of a domain of the set's part, a is a neighbour from wherever it was found


@dataclasses.dataclass(frozen=True)
class Pair:
    a: str
    b: str
    same: bool
    kind: str
    domain: str
    part: str  # "train", "dev", "calibration" or "heldout"

    @property
    def found(self) -> bool:
        return self.domain[0] in FOUND


def part_of(set_: str, number: int) -> str:
    """Every fifth domain is held out and never trained on; another sixteenth of the rest is for choosing settings."""
    if set_ in WHOLE:
        return WHOLE[set_]
    if number % 5 == 2:
        return "heldout"
    return "dev" if number % 16 == 9 else "train"


def read(folder: pathlib.Path, pattern: str = "authored_pairs*.jsonl") -> list[Pair]:
    """Pairs of every matching file. A row may name its domain as "<set><number>"; else blocks of 30 of a set are domains.

    A question that stands in a held-out domain keeps its pairs out of every other part, one of the calibration set out of the
    training part; but a neighbour that was found for one does not: pairs with it are trained on, and this one is not.
    """
    pairs: list[Pair] = []
    files = sorted(folder.glob(pattern))
    if not files:
        raise SystemExit(f"authored: no {pattern} in {folder}")
    seen: collections.Counter[str] = collections.Counter()
    for path in files:
        for at, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            row = json.loads(line)
            missing = {"a", "b", "same", "kind", "set"} - row.keys()
            if missing:
                raise SystemExit(f"authored: {path.name} line {at} lacks {', '.join(sorted(missing))}")
            number = seen[row["set"]] // BLOCK
            seen[row["set"]] += 1
            domain = row.get("domain", f"{row['set']}{number:02d}")
            number = int("".join(c for c in domain if c.isdigit()) or -1)
            if number < 0:
                raise SystemExit(f"authored: {path.name} line {at}: domain {domain!r} has no number, which decides its part")
            pairs.append(Pair(row["a"], row["b"], bool(row["same"]), row["kind"], domain, part_of(row["set"], number)))
    for part, others in (("heldout", ("train", "dev", "calibration")), ("calibration", ("train",))):
        kept_out = {t.lower() for p in pairs if p.part == part and not p.found for t in (p.a, p.b)}
        pairs = [p for p in pairs if p.part not in others or not {p.a.lower(), p.b.lower()} & kept_out]
    return pairs
