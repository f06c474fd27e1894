"""Chooses the smoothing factors that convert.py applies (see its docstring), from the activations on calibration.txt.

    python calibrate.py --model DIR > smoothing.json

The factors have 8 bits of mantissa. The float model's sums depend on the machine's BLAS in their last bits, so that a factor
next to a rounding boundary may come out as its neighbour elsewhere; the committed file is what embed/model/minilm.safetensors was made with.
"""

import argparse
import json
import pathlib

import numpy as np

import convert
from reference_model import LAYERS, Reference

TEXTS = convert.HERE / "calibration.txt"

# Share of the difficulty that moves from the activations to the weights, for the inputs that are a layer norm's output: a few
# of their channels are many times larger than the rest. For the two other inputs it brought nothing.
SHARES = {"qkv": 0.75, "up": 0.65}


class Calibration(Reference):
    """The float model, which notes the largest activation of every input channel."""

    def __init__(self, model_dir):
        super().__init__(model_dir)
        self.peak = {}

    def linear(self, name, x):
        self.peak[name] = np.maximum(self.peak.get(name, 0.0), np.abs(x).max(0))
        return super().linear(name, x)


def smoothing(share, peak, w):
    """The factor of each input channel, with a geometric mean of 1, rounded to 8 bits of mantissa."""
    s = np.maximum(peak, 1e-4).astype(np.float64) ** share / np.abs(w).max(0).astype(np.float64) ** (1 - share)
    s /= np.exp(np.log(s).mean())
    mantissa, exponent = np.frexp(s)
    return np.ldexp(np.rint(mantissa * 256) / 256, exponent)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=pathlib.Path, required=True, help="folder of finetune.py")
    args = parser.parse_args()
    model = Calibration(args.model)
    for line in ["", *TEXTS.read_text().splitlines()]:
        model.embed(line)
    factors = {}
    for i in range(LAYERS):
        for name, share in SHARES.items():
            parts = [f"encoder.layer.{i}.{p}" for p in convert.MATRICES[name]]
            w = np.concatenate([model.t[p + ".weight"] for p in parts])
            factors[f"layer.{i}.{name}"] = smoothing(share, model.peak[parts[0]], w).tolist()
    print("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in factors.items()) + "\n}")


if __name__ == "__main__":
    main()
