"""Figures of a ranking of pairs: how many same-pairs are let through when a given share of the traps is."""

from __future__ import annotations

import numpy as np

SHARES = (0.01, 0.02, 0.05)


def accepted(scores: np.ndarray, same: np.ndarray, share: float) -> float:
    """Share of same-pairs above the lowest threshold that lets through at most `share` of the traps."""
    traps = np.sort(scores[~same])[::-1]
    return float((scores[same] > traps[int(share * len(traps))]).mean())


def average_precision(scores: np.ndarray, same: np.ndarray) -> float:
    """Mean precision over the same-pairs by falling score; ties count as if the traps came first."""
    order = np.lexsort((same, -scores))
    hit = same[order]
    return float((np.cumsum(hit)[hit] / (np.flatnonzero(hit) + 1)).mean())


def interval(figure, scores: np.ndarray, same: np.ndarray, subject: list[str], rounds: int = 1000, seed: int = 7) -> tuple[float, float]:
    """95 % bootstrap interval of figure(scores, same): subjects are drawn, each with all of its pairs. Samples without a same-pair or
    without a trap are drawn again; there are both."""
    rng = np.random.default_rng(seed)
    of = np.unique(subject, return_inverse=True)[1]
    groups = np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of))[:-1])
    values = []
    while len(values) < rounds:
        at = np.concatenate([groups[g] for g in rng.integers(len(groups), size=len(groups))])
        if 0 < same[at].sum() < len(at):
            values.append(figure(scores[at], same[at]))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
