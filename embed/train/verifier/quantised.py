"""Runs a file of export.py in torch with the arithmetic of int8 kernels, to measure what quantising costs.

Weights: int8, a scale an output channel. Activations: divided by the input channel's factor where there is one, then int8 with
a scale for every 384 neighbours of a row (largest magnitude over 127). Bias, soft-max, GELU and layer norms are float32.
"""

from __future__ import annotations

import pathlib
import sys

import torch
from torch import nn

from model import Trunk, Verifier

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import container  # noqa: E402

GROUP = 384  # activations that share a scale


class Int8Linear(nn.Module):
    def __init__(self, tensors: dict[str, torch.Tensor], name: str):
        super().__init__()
        self.weight, self.scale, self.bias = tensors[name + ".weight"].float(), tensors[name + ".scale"], tensors[name + ".bias"]
        self.smooth = tensors.get(name + ".smooth")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.smooth is not None:
            x = x / self.smooth
        total = 0
        for part, weight in zip(x.split(GROUP, -1), self.weight.split(GROUP, -1)):
            step = part.abs().amax(-1, keepdim=True).clamp_min(1e-12) / 127
            # Whole numbers up to 127 squared times 384 stay exact in float32.
            total = total + (torch.round(part / step) @ weight.T) * step
        return total * self.scale + self.bias


def load_quantised(model: pathlib.Path, file: pathlib.Path) -> Verifier:
    """The verifier of an exported file, as deep as the file is; the word embeddings are those of the model's folder, rounded to int8 as the encoder's file has them."""
    t = {n: torch.from_numpy(v.copy()) for n, v in container.read(file).items()}
    v = Verifier(Trunk.load(model), hidden=t["head.hidden.bias"].numel())
    depth = 1 + max(int(n.split(".")[1]) for n in t if n.startswith("layer."))
    v.trunk.keep(list(range(depth)))
    word = v.trunk.word.weight.data
    step = word.abs().amax(1, keepdim=True).clamp_min(1e-12) / 127
    v.trunk.word.weight.data = torch.round(word / step) * step
    v.trunk.position.weight.data = t["position"]
    v.trunk.kind.weight.data = t["type"]
    v.trunk.norm.weight.data, v.trunk.norm.bias.data = t["norm.weight"], t["norm.bias"]
    for i, layer in enumerate(v.trunk.layers):
        p = f"layer.{i}."
        for name in ("qkv", "out", "up", "down"):
            setattr(layer, name, Int8Linear(t, p + name))
        for name in ("norm1", "norm2"):
            norm = getattr(layer, name)
            norm.weight.data, norm.bias.data = t[f"{p}{name}.weight"], t[f"{p}{name}.bias"]
    v.hidden.weight.data, v.hidden.bias.data = t["head.hidden.weight"], t["head.hidden.bias"]
    v.logit.weight.data, v.logit.bias.data = t["head.logit.weight"], t["head.logit.bias"]
    return v.eval()
