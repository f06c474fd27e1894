"""Hard negatives found with the search encoder itself: texts that it holds to be near, whose labels differ."""

from __future__ import annotations

import pathlib

import numpy as np
import torch

from model import PairTokenizer, Trunk, collate


def unit(trunk: Trunk, rows: list[tuple[list[int], list[int]]]) -> torch.Tensor:
    """Unit vectors of tokenised texts: the mean of the states, as all-MiniLM-L6-v2 is meant to be read."""
    ids, kinds, valid = collate(rows)
    m = valid.unsqueeze(-1).float()
    with torch.autocast("cpu", torch.bfloat16):
        x = trunk(ids, kinds, valid)
    return torch.nn.functional.normalize((x.float() * m).sum(1) / m.sum(1), dim=-1)


@torch.no_grad()
def embed(folder: pathlib.Path, texts: list[str], max_tokens: int = 128) -> np.ndarray:
    """Unit vectors of texts, float32, (len(texts), width)."""
    trunk = Trunk.load(folder).eval()
    tok = PairTokenizer(folder).tok
    tok.enable_truncation(max_tokens)
    rows = [(e.ids, e.type_ids) for e in tok.encode_batch(texts)]
    out = np.zeros((len(texts), trunk.norm.normalized_shape[0]), np.float32)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    for s in range(0, len(order), 128):
        at = order[s : s + 128]
        out[at] = unit(trunk, [rows[i] for i in at]).numpy()
    return out


def near_others(vectors: np.ndarray, labels: list[str], k: int, below: float) -> list[tuple[float, int, int]]:
    """Of each row its k nearest rows of another label with a cosine under `below`, as (cosine, row, other), nearest first.

    The ceiling is there because the nearest of all are often labelled in error.
    """
    label = np.unique(labels, return_inverse=True)[1]
    found = set()
    for s in range(0, len(vectors), 1024):
        sim = vectors[s : s + 1024] @ vectors.T
        sim[label[s : s + 1024, None] == label[None, :]] = -1
        sim[sim >= below] = -1
        top = np.argpartition(-sim, k, axis=1)[:, :k]
        for i, row in enumerate(top):
            for j in row:
                if sim[i, j] > 0:
                    found.add((float(sim[i, j]), min(s + i, int(j)), max(s + i, int(j))))
    return sorted(found, reverse=True)
