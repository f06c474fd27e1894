"""all-MiniLM-L6-v2 in float32 with numpy: the reference that the quantised encoder is held to.

The rules are the package's own (see embed/doc.go): texts longer than 64 KiB keep their two ends, tokens are cut into windows
of 254 and the two special tokens, at most 16 windows from each end are read, and the mean runs over the tokens of all windows.
"""

import math

import numpy as np
from safetensors.numpy import load_file
from scipy.special import erf
from tokenizers import Tokenizer

HIDDEN, HEADS, LAYERS, EPS = 384, 12, 6, 1e-12
CLS, SEP = 101, 102
WINDOW, EDGE_WINDOWS, EDGE_BYTES = 254, 16, 32 << 10


def gelu(x):
    return (0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))).astype(np.float32)


def layer_norm(x, weight, bias):
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + EPS) * weight + bias


class Reference:
    def __init__(self, model_dir):
        self.t = load_file(f"{model_dir}/model.safetensors")
        self.tokenizer = Tokenizer.from_file(f"{model_dir}/tokenizer.json")
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def windows(self, text):
        """The token ids of each window of a text, special tokens included."""
        raw = text.encode()
        if len(raw) > 2 * EDGE_BYTES:
            text = raw[:EDGE_BYTES].decode(errors="ignore") + " " + raw[-EDGE_BYTES:].decode(errors="ignore")
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        parts = [ids[i : i + WINDOW] for i in range(0, len(ids), WINDOW)] or [[]]
        if len(parts) > 2 * EDGE_WINDOWS:
            parts = parts[:EDGE_WINDOWS] + parts[-EDGE_WINDOWS:]
        return [[CLS, *part, SEP] for part in parts]

    def linear(self, name, x):
        return x @ self.t[name + ".weight"].T + self.t[name + ".bias"]

    def norm(self, name, x):
        return layer_norm(x, self.t[name + ".weight"], self.t[name + ".bias"])

    def hidden(self, ids):
        """Last hidden states, one row a token, of one sequence of token ids in segment 0."""
        e = "embeddings."
        x = self.t[e + "word_embeddings.weight"][ids] + self.t[e + "position_embeddings.weight"][: len(ids)] + self.t[e + "token_type_embeddings.weight"][0]
        x = self.norm("embeddings.LayerNorm", x)
        n, size = len(ids), HIDDEN // HEADS
        for i in range(LAYERS):
            p = f"encoder.layer.{i}."
            q, k, v = (self.linear(p + f"attention.self.{s}", x).reshape(n, HEADS, size).transpose(1, 0, 2) for s in ("query", "key", "value"))
            scores = q @ k.transpose(0, 2, 1) / math.sqrt(size)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores /= scores.sum(-1, keepdims=True)
            context = (scores @ v).transpose(1, 0, 2).reshape(n, HIDDEN)
            x = self.norm(p + "attention.output.LayerNorm", self.linear(p + "attention.output.dense", context) + x)
            inner = gelu(self.linear(p + "intermediate.dense", x))
            x = self.norm(p + "output.LayerNorm", self.linear(p + "output.dense", inner) + x)
        return x

    def embed(self, text):
        rows = np.concatenate([self.hidden(w) for w in self.windows(text)])
        v = rows.mean(0, dtype=np.float64)
        return (v / np.linalg.norm(v)).astype(np.float32)
