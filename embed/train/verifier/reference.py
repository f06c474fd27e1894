"""Writes what the float32 verifier says of some held-out pairs, for the Go package's test to compare with.

    python reference.py --weights FILE --export FILE --model DIR --pairs DIR --out ../../testdata/verifier_reference.jsonl

A row is {"a", "b", "p"}: p is the calibrated probability, the mean of both orders' logits. The pairs are every fifth of the
held-out authored ones, so that the test covers every kind and no text is stored for its sake alone.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import torch
from safetensors.torch import load_file

import authored
from model import PairTokenizer, Verifier, score

EVERY = 5


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--weights", type=pathlib.Path, required=True, help="float weights of train.py")
    p.add_argument("--export", type=pathlib.Path, required=True, help="file of export.py, for the calibration")
    p.add_argument("--model", type=pathlib.Path, required=True, help="folder of start.py")
    p.add_argument("--pairs", type=pathlib.Path, required=True, help="folder of authored pairs")
    p.add_argument("--out", type=pathlib.Path, required=True)
    a = p.parse_args()
    model = Verifier.load(a.model, a.weights)
    slope, offset = (float(x) for x in load_file(a.export)["calibration"])
    pairs = [q for q in authored.read(a.pairs) if q.part == "heldout"][::EVERY]
    z = torch.logit(score(model.eval(), PairTokenizer(a.model), [(q.a, q.b) for q in pairs]), eps=1e-12)
    with a.out.open("w", encoding="utf-8") as f:
        for q, probability in zip(pairs, torch.sigmoid(slope * z + offset).tolist()):
            f.write(json.dumps({"a": q.a, "b": q.b, "p": round(probability, 6)}, ensure_ascii=False) + "\n")
    print(f"{len(pairs)} pairs")


if __name__ == "__main__":
    main()
