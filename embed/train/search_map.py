"""Asks whether a linear map over the encoder's vectors finds true matches better. Prints recall; ships nothing.

    python search_map.py --data DIR --model DIR [--intents FILE ...]     # needs verifier/requirements.txt; --data is a folder of verifier/data.py

The map is trained on the same-pairs of the training parts, a text's partner against the other texts of its batch (Henderson et al., 2017),
and drawn back to the identity. Which strength of that pull is taken is chosen on the pairs for choosing; then, for every same-pair of the
held-out parts, both ways: is the partner among the k nearest of all texts?
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import sys

import numpy as np
import torch
from torch.nn import functional as F

sys.path.append(str(pathlib.Path(__file__).with_name("verifier")))
import mine  # noqa: E402

BATCH = 512  # pairs, each the others' negatives
SHARPNESS = 20.0  # cosines times this are the logits
STEPS = 300
PULLS = (0.0, 0.001, 0.01, 0.1)


def read(path: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def recall(v: np.ndarray, pairs: np.ndarray, ks: tuple[int, ...] = (1, 5)) -> list[float]:
    """Share of the pairs' ends whose partner is among the k nearest of all rows but itself."""
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    hits = np.zeros(len(ks))
    for s in range(0, len(ends), 256):
        own, other = ends[s : s + 256].T
        sim = v[own] @ v.T
        sim[np.arange(len(own)), own] = -2
        rank = (sim > sim[np.arange(len(own)), other][:, None]).sum(1)
        hits += [(rank < k).sum() for k in ks]
    return list(hits / len(ends))


def train(v: torch.Tensor, pairs: np.ndarray, pull: float, seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    eye = torch.eye(v.shape[1])
    w = eye.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([w], lr=1e-3)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 - step / STEPS)
        at = pairs[rng.choice(len(pairs), BATCH, replace=False)]
        a, b = (F.normalize(v[at[:, i]] @ w, dim=-1) for i in (0, 1))
        logits, target = SHARPNESS * a @ b.T, torch.arange(BATCH)
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2 + pull * (w - eye).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return w.detach()


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", type=pathlib.Path, required=True, help="folder of verifier/data.py")
    p.add_argument("--model", type=pathlib.Path, required=True, help="folder of all-MiniLM-L6-v2")
    p.add_argument("--intents", type=pathlib.Path, action="append", default=[], help="gzipped lines of text, intent; repeatable")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)

    parts = {n: read(a.data / f"{n}.jsonl") for n in ("authored", "dev", "calibration", "heldout", "qqp_heldout")}
    parts["qqp"] = [r for r in read(a.data / "qqp.jsonl") if r["same"]]
    texts = {t: None for rows in parts.values() for r in rows for t in (r["a"], r["b"])}
    for f in a.intents:
        with gzip.open(f, "rt", encoding="utf-8") as lines:
            texts |= {json.loads(line)["text"]: None for line in lines}
    at = {t: i for i, t in enumerate(texts)}
    same = lambda *names: np.array([(at[r["a"]], at[r["b"]]) for n in names for r in parts[n] if r["same"] and r["a"] != r["b"]])  # noqa: E731
    v = mine.embed(a.model, list(texts))

    learnt, chosen = same("authored", "qqp"), same("dev")
    print(f"among {len(texts)} texts; trained on {len(learnt)} pairs\n\n| pull | pairs for choosing: first | among five |\n|---|---|---|", flush=True)
    best, found = recall(v, chosen), v
    print("| as published | {:.1%} | {:.1%} |".format(*best), flush=True)
    for pull in PULLS:
        w = train(torch.from_numpy(v), learnt, pull, a.seed).numpy()
        mapped = v @ w
        mapped /= np.linalg.norm(mapped, axis=1, keepdims=True)
        got = recall(mapped, chosen)
        print("| {} | {:.1%} | {:.1%} |".format(pull, *got), flush=True)
        if got[1] > best[1]:
            best, found = got, mapped
    print("\n| held out | as published: first | among five | mapped: first | among five |\n|---|---|---|---|---|")
    for name in ("heldout", "qqp_heldout"):
        pairs = same(name)
        print("| {} ({} pairs, both ways) | {:.1%} | {:.1%} | {:.1%} | {:.1%} |".format(name, len(pairs), *recall(v, pairs), *recall(found, pairs)), flush=True)


if __name__ == "__main__":
    main()
