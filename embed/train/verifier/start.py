"""Turns an exported int8 verifier back into float32 weights that train.py goes on from.

    python start.py --quantised FILE --model DIR --out FILE [--sha256 DIGEST]

Rounding to int8 moved the weights by less than training moves them in a few steps, so an earlier release's file is as good a start
as the float weights that it was made from, which no one has to keep.
"""

from __future__ import annotations

import argparse
import hashlib
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file

from model import Trunk, Verifier


def dequantise(model: pathlib.Path, file: pathlib.Path) -> Verifier:
    """The verifier of an exported file in float32, with the word embeddings of the encoder."""
    t = load_file(file)
    v = Verifier(Trunk.load(model), hidden=t["head.hidden.bias"].numel())
    put = {
        "trunk.position.weight": t["position"], "trunk.kind.weight": t["type"],
        "trunk.norm.weight": t["norm.weight"], "trunk.norm.bias": t["norm.bias"],
        "hidden.weight": t["head.hidden.weight"], "hidden.bias": t["head.hidden.bias"],
        "logit.weight": t["head.logit.weight"], "logit.bias": t["head.logit.bias"],
    }  # fmt: skip
    for i in range(len(v.trunk.layers)):
        src, dst = f"layer.{i}.", f"trunk.layers.{i}."
        for name in ("qkv", "out", "up", "down"):
            w = t[src + name + ".weight"].float() * t[src + name + ".scale"][:, None]
            smooth = t.get(src + name + ".smooth")
            put[f"{dst}{name}.weight"] = w if smooth is None else w / smooth
            put[f"{dst}{name}.bias"] = t[src + name + ".bias"]
        for name in ("norm1", "norm2"):
            for part in ("weight", "bias"):
                put[f"{dst}{name}.{part}"] = t[f"{src}{name}.{part}"]
    put["trunk.word.weight"] = v.trunk.word.weight.data
    v.load_state_dict(put)
    return v


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--quantised", type=pathlib.Path, required=True, help="file of export.py")
    p.add_argument("--model", type=pathlib.Path, required=True, help="folder of all-MiniLM-L6-v2")
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("--sha256", help="digest that the file must have")
    a = p.parse_args()
    digest = hashlib.sha256(a.quantised.read_bytes()).hexdigest()
    if a.sha256 and digest != a.sha256:
        sys.exit(f"start: {a.quantised} has sha256 {digest}, want {a.sha256}")
    with torch.no_grad():
        save_file(dequantise(a.model, a.quantised).state_dict(), a.out)


if __name__ == "__main__":
    main()
