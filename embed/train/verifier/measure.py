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


def interval(figure, scores: np.ndarray, same: np.ndarray, rounds: int = 1000, seed: int = 7) -> tuple[float, float]:
    """95 % bootstrap interval of figure(scores, same), same-pairs and traps drawn apart."""
    rng = np.random.default_rng(seed)
    yes, no = np.flatnonzero(same), np.flatnonzero(~same)
    values = []
    for _ in range(rounds):
        at = np.concatenate([rng.choice(yes, len(yes)), rng.choice(no, len(no))])
        values.append(figure(scores[at], same[at]))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
