"""Turns trained float weights into the quantised file that the Go package reads.

    python export.py --weights FILE --model DIR --data DIR --out FILE

Scheme and names are those of ../convert.py, the container is ../container.py's. The file holds no word embeddings: those of the encoder's file serve,
they were frozen in training. It has only the positions that a pair can have. Beside the encoder's tensors it has head.hidden.{weight,bias} (128 x 768, the [CLS] state before the mean)
and head.logit.{weight,bias}, float32, and calibration (slope, offset): P = sigmoid(slope * mean logit of both orders + offset),
fitted on what was neither trained on nor is measured: dev.jsonl, calibration.jsonl without neighbours, part of qqp_dev.jsonl. Activation ranges are read on pairs of the training domains.
"""

from __future__ import annotations

import argparse
import hashlib
import pathlib
import sys

import numpy as np
import torch

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import authored  # noqa: E402
from calibrate import smoothing  # noqa: E402
from container import serialise  # noqa: E402
from convert import rows_to_int8  # noqa: E402
from model import MAX_TOKENS, PairTokenizer, Verifier, collate, score  # noqa: E402
from rows import read  # noqa: E402

FORMAT = "2"
# Share of the difficulty that moves from the activations to the weights, for the inputs that are a layer norm's output (see
# ../calibrate.py). The verifier's weights have other peaks than the encoder's, so the factors are found anew.
SHARES = {"qkv": 0.75, "up": 0.65}


@torch.no_grad()
def peaks(model: Verifier, tok: PairTokenizer, pairs: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    """The largest activation of every input channel of every matrix, by "<layer>.<matrix>"."""
    found: dict[str, torch.Tensor] = {}

    def note(name: str):
        def hook(_, inputs):
            x = inputs[0].abs().flatten(0, -2).amax(0)
            found[name] = torch.maximum(found[name], x) if name in found else x

        return hook

    hooks = [
        getattr(layer, m).register_forward_pre_hook(note(f"{i}.{m}")) for i, layer in enumerate(model.trunk.layers) for m in SHARES
    ]
    for row in tok(pairs):  # one at a time: padding would count as an input
        model(*collate([row]))
    for h in hooks:
        h.remove()
    return {n: x.numpy() for n, x in found.items()}


def export(model: Verifier, tok: PairTokenizer, pairs: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    peak = peaks(model, tok, pairs)
    f = lambda x: x.detach().float().numpy()  # noqa: E731
    t = model.trunk
    out = {"position": f(t.position.weight)[:MAX_TOKENS], "type": f(t.kind.weight), "norm.weight": f(t.norm.weight), "norm.bias": f(t.norm.bias)}
    for i, layer in enumerate(t.layers):
        for name in ("qkv", "out", "up", "down"):
            matrix, p = getattr(layer, name), f"layer.{i}.{name}."
            w = f(matrix.weight)
            if name in SHARES:
                s = out[p + "smooth"] = smoothing(SHARES[name], peak[f"{i}.{name}"], w).astype(np.float32)
                w = w * s
            out[p + "weight"], out[p + "scale"] = rows_to_int8(w)
            out[p + "bias"] = f(matrix.bias)
        for name in ("norm1", "norm2"):
            norm = getattr(layer, name)
            out[f"layer.{i}.{name}.weight"], out[f"layer.{i}.{name}.bias"] = f(norm.weight), f(norm.bias)
    out["head.hidden.weight"], out["head.hidden.bias"] = f(model.hidden.weight), f(model.hidden.bias)
    out["head.logit.weight"], out["head.logit.bias"] = f(model.logit.weight), f(model.logit.bias)
    return out


def calibrate(model: Verifier, tok: PairTokenizer, rows: list[dict]) -> np.ndarray:
    """Slope and offset that make the probabilities fit (Platt, 1999), by Newton's method on the mean log loss."""
    z = torch.logit(score(model, tok, [(r["a"], r["b"]) for r in rows]), eps=1e-9).numpy()
    y = np.array([float(r["same"]) for r in rows])
    x = np.stack([z, np.ones_like(z)], 1)
    w = np.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-9 * np.eye(2)
        w -= np.linalg.solve(hessian, x.T @ (p - y))
    return w.astype(np.float32)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--weights", type=pathlib.Path, required=True, help="float weights of train.py")
    p.add_argument("--model", type=pathlib.Path, required=True, help="folder of start.py")
    p.add_argument("--data", type=pathlib.Path, required=True, help="folder of data.py")
    p.add_argument("--out", type=pathlib.Path, required=True)
    a = p.parse_args()
    model = Verifier.load(a.model, a.weights)
    tok = PairTokenizer(a.model)
    tensors = export(model, tok, [(r["a"], r["b"]) for r in read(a.data / "authored.jsonl")[:200]])
    # Two parameters fit no more than one mix of pairs: that of what people compare, half of it the same. What neighbours that a search
    # found come to is the decision's to say.
    pairs = [r for n in ("dev.jsonl", "calibration.jsonl") for r in read(a.data / n) if r["domain"][0] not in authored.FOUND]
    tensors["calibration"] = calibrate(model, tok, pairs + read(a.data / "qqp_dev.jsonl")[:330])
    source = hashlib.sha256((a.model / "model.safetensors").read_bytes()).hexdigest()
    data = serialise(tensors, {"format": FORMAT, "model": "bge-small-en-v1.5 verifier", "source_sha256": source})
    a.out.write_bytes(data)
    print(f"{a.out.name}: {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
