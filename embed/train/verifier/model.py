"""The verifier: a cross-encoder over `[CLS] a [SEP] b [SEP]` that answers P(one answer serves both questions).

The trunk is a BERT of 384 values and 12 heads, as deep as the folder that it is loaded from says (that of start.py: 12 layers), until
training drops some. Its word embeddings are those of the search encoder and stay frozen, so that both share one table in memory. The head reads the
[CLS] state and the mean of all states.
"""

from __future__ import annotations

import json
import pathlib

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F

MAX_TOKENS = 256  # [CLS] a [SEP] b [SEP] together; longer pairs are cut from the longer side


class Layer(nn.Module):
    """One post-norm transformer layer. Query, key and value are one product."""

    def __init__(self, width: int, heads: int, inner: int, eps: float, dropout: float):
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm2 = nn.LayerNorm(width, eps=eps)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        b, n, w = x.shape
        p = self.dropout if self.training else 0.0
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        if mask is None or self.training:  # for short rows, as in training, three plain steps are the faster on a CPU
            s = (q * (w // self.heads) ** -0.5) @ k.transpose(-1, -2)
            if mask is not None:
                s = s.masked_fill(~mask, float("-inf"))
            a = torch.softmax(s, -1).to(v.dtype) @ v
        else:
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        a = self.out(a.transpose(1, 2).reshape(b, n, w))
        x = self.norm1(x + F.dropout(a, p))
        f = self.down(F.gelu(self.up(x)))
        return self.norm2(x + F.dropout(f, p))


class Trunk(nn.Module):
    """The encoder, token ids to states."""

    def __init__(self, config: dict, dropout: float = 0.0):
        super().__init__()
        w, eps = config["hidden_size"], config["layer_norm_eps"]
        self.word = nn.Embedding(config["vocab_size"], w)
        self.position = nn.Embedding(config["max_position_embeddings"], w)
        self.kind = nn.Embedding(config["type_vocab_size"], w)
        self.norm = nn.LayerNorm(w, eps=eps)
        self.layers = nn.ModuleList(
            Layer(w, config["num_attention_heads"], config["intermediate_size"], eps, dropout)
            for _ in range(config["num_hidden_layers"])
        )

    def forward(self, ids: torch.Tensor, kinds: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        at = torch.arange(ids.shape[1], device=ids.device)
        x = self.norm(self.word(ids) + self.position(at) + self.kind(kinds))
        mask = None if bool(valid.all()) else valid[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x

    def keep(self, layers: list[int]) -> None:
        """Drops every other layer."""
        if not layers or sorted(set(layers)) != list(layers) or not 0 <= layers[0] <= layers[-1] < len(self.layers):
            raise ValueError(f"layers {layers}: want some of 0 to {len(self.layers) - 1}, rising")
        self.layers = nn.ModuleList(self.layers[i] for i in layers)

    @staticmethod
    def load(folder: pathlib.Path, dropout: float = 0.0) -> "Trunk":
        """Reads a Hugging Face BERT folder (config.json, model.safetensors)."""
        config = json.loads((folder / "config.json").read_text())
        t = load_file(folder / "model.safetensors")
        t = {k.removeprefix("bert."): v.float() for k, v in t.items()}
        trunk = Trunk(config, dropout)
        names = {
            "word.weight": t["embeddings.word_embeddings.weight"],
            "position.weight": t["embeddings.position_embeddings.weight"],
            "kind.weight": t["embeddings.token_type_embeddings.weight"],
            "norm.weight": t["embeddings.LayerNorm.weight"],
            "norm.bias": t["embeddings.LayerNorm.bias"],
        }
        for i in range(config["num_hidden_layers"]):
            src, dst = f"encoder.layer.{i}.", f"layers.{i}."
            for part in ("weight", "bias"):
                names[dst + "qkv." + part] = torch.cat(
                    [t[f"{src}attention.self.{n}.{part}"] for n in ("query", "key", "value")]
                )
                names[dst + "out." + part] = t[f"{src}attention.output.dense.{part}"]
                names[dst + "norm1." + part] = t[f"{src}attention.output.LayerNorm.{part}"]
                names[dst + "up." + part] = t[f"{src}intermediate.dense.{part}"]
                names[dst + "down." + part] = t[f"{src}output.dense.{part}"]
                names[dst + "norm2." + part] = t[f"{src}output.LayerNorm.{part}"]
        trunk.load_state_dict(names)
        return trunk


class Verifier(nn.Module):
    """Trunk and head. forward returns one logit a row."""

    def __init__(self, trunk: Trunk, hidden: int = 128):
        super().__init__()
        self.trunk = trunk
        self.trunk.word.weight.requires_grad_(False)
        w = trunk.norm.normalized_shape[0]
        self.hidden = nn.Linear(2 * w, hidden)
        self.logit = nn.Linear(hidden, 1)

    def forward(self, ids: torch.Tensor, kinds: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        x = self.trunk(ids, kinds, valid)
        m = valid.unsqueeze(-1).to(x.dtype)
        pooled = torch.cat([x[:, 0], (x * m).sum(1) / m.sum(1)], -1)
        return self.logit(torch.tanh(self.hidden(pooled))).squeeze(-1)

    @staticmethod
    def load(folder: pathlib.Path, weights: pathlib.Path) -> "Verifier":
        """Reads what train.py wrote: as deep as that file is, which may be less than the folder that it came from."""
        v, t = Verifier(Trunk.load(folder)), load_file(weights)
        v.trunk.keep(list(range(1 + max(int(n.split(".")[2]) for n in t if n.startswith("trunk.layers.")))))
        v.load_state_dict(t)
        return v.eval()


class PairTokenizer:
    """WordPiece for pairs, as the model's tokenizer.json describes it."""

    def __init__(self, folder: pathlib.Path):
        self.tok = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tok.no_padding()
        self.tok.enable_truncation(MAX_TOKENS)  # longest side first, as the Go side does

    def __call__(self, pairs: list[tuple[str, str]]) -> list[tuple[list[int], list[int]]]:
        return [(e.ids, e.type_ids) for e in self.tok.encode_batch(pairs)]


def collate(rows: list[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pads to the longest row: ids, token kinds, and which places hold a token."""
    n = max(len(ids) for ids, _ in rows)
    ids = torch.zeros(len(rows), n, dtype=torch.long)
    kinds = torch.zeros(len(rows), n, dtype=torch.long)
    valid = torch.zeros(len(rows), n, dtype=torch.bool)
    for r, (i, k) in enumerate(rows):
        ids[r, : len(i)] = torch.tensor(i)
        kinds[r, : len(k)] = torch.tensor(k)
        valid[r, : len(i)] = True
    return ids, kinds, valid


@torch.no_grad()
def logits(model: Verifier, tok: PairTokenizer, pairs: list[tuple[str, str]], orders: int = 2) -> torch.Tensor:
    """A row of logits for the order as given and, of two, one for the other. float64, in the order of pairs."""
    was = model.training
    model.eval()
    asked = list(pairs) + ([(b, a) for a, b in pairs] if orders == 2 else [])
    rows = tok(asked)
    out = torch.zeros(len(rows), dtype=torch.float64)
    by_length = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    for s in range(0, len(by_length), 64):
        at = by_length[s : s + 64]
        out[at] = model(*collate([rows[i] for i in at])).double()
    model.train(was)
    return out.view(orders, len(pairs))


def score(model: Verifier, tok: PairTokenizer, pairs: list[tuple[str, str]], orders: int = 2) -> torch.Tensor:
    """P(same) a pair: one order as given, or the mean logit over both orders."""
    return torch.sigmoid(logits(model, tok, pairs, orders).mean(0))
