"""Does the trained encoder find true matches better than the published one? Prints a table.

    python recall.py --data DIR --published DIR --trained DIR [--intents FILE ...]     # needs verifier/requirements.txt

For every same-pair of the held-out parts of verifier/data.py's folder, both ways: is the partner among the k nearest of all texts, those of
the pairs and those of the intents' files? Before rounding to int8, the layers in bfloat16.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import sys

import numpy as np
import torch

sys.path.append(str(pathlib.Path(__file__).with_name("verifier")))
import mine  # noqa: E402
from rows import read  # noqa: E402

KS = (1, 5, 8, 16)


def ranks(v: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Of each pair's ends, how many rows but itself are nearer than its partner."""
    out = []
    for own, other in zip(np.array_split(pairs.ravel(), 8), np.array_split(pairs[:, ::-1].ravel(), 8)):
        sim = v[own] @ v.T
        sim[np.arange(len(own)), own] = -2
        out.append((sim > sim[np.arange(len(own)), other][:, None]).sum(1))
    return np.concatenate(out)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", type=pathlib.Path, required=True, help="folder of verifier/data.py")
    p.add_argument("--published", type=pathlib.Path, required=True, help="folder of all-MiniLM-L6-v2")
    p.add_argument("--trained", type=pathlib.Path, required=True, help="folder of finetune.py")
    p.add_argument("--intents", type=pathlib.Path, action="append", default=[], help="gzipped lines of text, intent; repeatable")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)

    parts = {n: read(a.data / f"{n}.jsonl") for n in ("authored", "dev", "calibration", "heldout", "qqp_heldout")}
    texts = {t: None for rows in parts.values() for r in rows for t in (r["a"], r["b"])}
    for f in a.intents:
        with gzip.open(f, "rt", encoding="utf-8") as lines:
            texts |= {json.loads(line)["text"]: None for line in lines}
    at = {t: i for i, t in enumerate(texts)}
    ends = lambda rows, same: np.array([(at[r["a"]], at[r["b"]]) for r in rows if r["same"] == same and r["a"] != r["b"]])  # noqa: E731

    print(f"among {len(texts)} texts, both ways\n")
    print("| pairs | encoder |", " | ".join(f"among {k}" for k in KS), "| mean cosine of same | of traps |\n|---|---|" + "---|" * (len(KS) + 2), flush=True)
    for name, folder in (("published", a.published), ("trained", a.trained)):
        v = mine.embed(folder, list(texts))
        for part in ("heldout", "qqp_heldout"):
            same, traps = ends(parts[part], True), ends(parts[part], False)
            r = ranks(v, same)
            cosines = [float(np.einsum("ij,ij->i", v[x[:, 0]], v[x[:, 1]]).mean()) for x in (same, traps)]
            print(f"| {part} ({len(same)}) | {name} |", " | ".join(f"{np.mean(r < k):.1%}" for k in KS), f"| {cosines[0]:.3f} | {cosines[1]:.3f} |", flush=True)


if __name__ == "__main__":
    main()
