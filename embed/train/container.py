"""The files that the Go package embeds: the safetensors container, with the matrices compressed.

A tensor NAME that is compressed stands in the file as NAME.zst: bytes, one zstd frame (RFC 8878). Eight bits of a weight hold about
seven of information, so that a tenth of the binary is saved for some milliseconds at the start. Word embeddings are left as
they are: the program reads their rows where they lie, and never needs most of them in memory.
"""

from __future__ import annotations

import json
import pathlib

import numpy as np
import zstandard
from safetensors.numpy import load_file

SUFFIX = ".zst"
LEVEL = 19


def serialise(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    """The container, written here so that the order of tensors and of metadata is fixed."""
    names = {"float32": "F32", "int8": "I8", "uint8": "U8"}
    tensors = dict(map(_packed, tensors.items()))
    order = sorted(tensors, key=lambda n: (-tensors[n].dtype.itemsize, n))
    header, offset = {"__metadata__": metadata}, 0
    for n in order:
        size = tensors[n].nbytes
        header[n] = {"dtype": names[tensors[n].dtype.name], "shape": list(tensors[n].shape), "data_offsets": [offset, offset + size]}
        offset += size
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return len(head).to_bytes(8, "little") + head + b"".join(np.ascontiguousarray(tensors[n]).tobytes() for n in order)


def _packed(item: tuple[str, np.ndarray]) -> tuple[str, np.ndarray]:
    name, tensor = item
    if name != "vocab" and not (name.startswith("layer.") and tensor.dtype == np.int8):
        return item
    frame = zstandard.ZstdCompressor(level=LEVEL).compress(np.ascontiguousarray(tensor).tobytes())
    return name + SUFFIX, np.frombuffer(frame, np.uint8)


def read(file: pathlib.Path) -> dict[str, np.ndarray]:
    """The tensors of what serialise wrote. A matrix has as many rows as scales."""
    stored = load_file(file)
    out = {n: t for n, t in stored.items() if not n.endswith(SUFFIX)}
    for name, frame in stored.items():
        if not name.endswith(SUFFIX):
            continue
        name = name.removesuffix(SUFFIX)
        data = zstandard.ZstdDecompressor().decompress(frame.tobytes())
        if name.endswith(".weight"):
            out[name] = np.frombuffer(data, np.int8).reshape(len(stored[name.removesuffix("weight") + "scale"]), -1)
        else:
            out[name] = np.frombuffer(data, np.uint8)
    return out
