"""Trains the search encoder: a question's rewording shall be nearer to it than what only looks like it.

    python finetune.py --data DIR --out DIR [--model DIR]     # needs verifier/requirements.txt; --data is a folder of verifier/data.py

Starts from the published all-MiniLM-L6-v2 (without --model it is fetched as convert.py says) and writes a folder like it, for
calibrate.py, convert.py and reference_vectors.py. Learnt are the same-pairs of the training parts: a text's partner has to be nearer than
the other texts of its batch (Henderson et al., 2017) and than one trap of its own, where it has any: a pair that is labelled different, or
another question of its domain (as Karpukhin et al., 2020, add hard negatives). The word embeddings stay as they are: the verifier shares them.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import pathlib
import random
import shutil
import sys
import tempfile
import time

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

import convert

sys.path.append(str(pathlib.Path(__file__).with_name("verifier")))
import mine  # noqa: E402
from model import PairTokenizer, Trunk  # noqa: E402
from rows import read  # noqa: E402

PASSES = {"authored": 3, "qqp": 1}  # over the same-pairs of a file
TRAPS = ("authored", "authored_mined")
BATCH = 96  # pairs, each the others' negatives
CHUNK = 32  # texts that go through the model at once: neighbours in length, which saves padding
TOKENS = 64  # of a text; what is longer is cut
RATE = 6e-5  # at its highest, after WARM_UP steps; then down to nothing in a straight line
WARM_UP = 30
SHARPNESS = 20.0  # cosines times this are the logits


def vectors(trunk: Trunk, rows: list[tuple[list[int], list[int]]]) -> torch.Tensor:
    """Unit vectors, which gradients go through."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    parts = [mine.unit(trunk, [rows[i] for i in order[s : s + CHUNK]]) for s in range(0, len(order), CHUNK)]
    back = torch.empty(len(rows), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(rows))
    return torch.cat(parts)[back]


def loss_of(v: torch.Tensor, n: int) -> torch.Tensor:
    """v: n texts, their partners, then any number of traps. Either end of a pair has to find the other."""
    a, others = v[:n], v[n:]
    target = torch.arange(n)
    there = F.cross_entropy(SHARPNESS * a @ others.T, target)
    back = F.cross_entropy(SHARPNESS * others[:n] @ a.T, target)
    return (there + back) / 2


def train(trunk: Trunk, tok, pairs: list[tuple[str, str]], traps: dict[str, list[str]], rng: random.Random) -> None:
    trunk.word.weight.requires_grad_(False)
    trunk.train()
    own = [p for p in trunk.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(own, lr=0.0, weight_decay=0.01, fused=True)
    rng.shuffle(pairs)
    steps, began = len(pairs) // BATCH, time.time()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / WARM_UP) * (1 - step / steps)
        batch = [(a, b) if rng.random() < 0.5 else (b, a) for a, b in pairs[step * BATCH : (step + 1) * BATCH]]
        hard = [rng.choice(traps[a]) for a, _ in batch if traps.get(a)]
        texts = [a for a, _ in batch] + [b for _, b in batch] + hard
        loss = loss_of(vectors(trunk, [(e.ids, e.type_ids) for e in tok.encode_batch(texts)]), len(batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(own, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 20 == 19:
            print(f"step {step + 1}/{steps} loss {loss.item():.3f} {time.time() - began:.0f} s", flush=True)


def published_names(trunk: Trunk, source: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The trained weights under the names that the published file has, and what else that holds."""
    out = dict(source)
    out["embeddings.position_embeddings.weight"] = trunk.position.weight
    out["embeddings.token_type_embeddings.weight"] = trunk.kind.weight
    out["embeddings.LayerNorm.weight"], out["embeddings.LayerNorm.bias"] = trunk.norm.weight, trunk.norm.bias
    for i, layer in enumerate(trunk.layers):
        to = f"encoder.layer.{i}."
        for part in ("weight", "bias"):
            for name, piece in zip(("query", "key", "value"), getattr(layer.qkv, part).chunk(3)):
                out[f"{to}attention.self.{name}.{part}"] = piece
            out[f"{to}attention.output.dense.{part}"] = getattr(layer.out, part)
            out[f"{to}attention.output.LayerNorm.{part}"] = getattr(layer.norm1, part)
            out[f"{to}intermediate.dense.{part}"] = getattr(layer.up, part)
            out[f"{to}output.dense.{part}"] = getattr(layer.down, part)
            out[f"{to}output.LayerNorm.{part}"] = getattr(layer.norm2, part)
    return {n: t.detach().contiguous() for n, t in out.items()}


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", type=pathlib.Path, required=True, help="folder of verifier/data.py")
    p.add_argument("--model", type=pathlib.Path, help="folder of all-MiniLM-L6-v2")
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--fraction", type=float, default=1, help="of the draws: less than 1 tries the path, not the recipe")
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    rng = random.Random(a.seed)

    traps = collections.defaultdict(list)
    for r in (r for n in TRAPS for r in read(a.data / f"{n}.jsonl") if not r["same"]):
        traps[r["a"]].append(r["b"])
        traps[r["b"]].append(r["a"])
    pairs = [(r["a"], r["b"]) for n, times in PASSES.items() for r in read(a.data / f"{n}.jsonl") if r["same"] for _ in range(times)]
    if a.fraction < 1:
        pairs = rng.sample(pairs, round(a.fraction * len(pairs)))
    with tempfile.TemporaryDirectory() as temp:
        model_dir = a.model or convert.download(temp)
        convert.check(model_dir / "model.safetensors", convert.SOURCE_SHA256)
        tok = PairTokenizer(model_dir).tok
        tok.enable_truncation(TOKENS)
        trunk = Trunk.load(model_dir)
        train(trunk, tok, pairs, traps, rng)
        shutil.copytree(model_dir, a.out, dirs_exist_ok=True)
        save_file(published_names(trunk, load_file(model_dir / "model.safetensors")), a.out / "model.safetensors")
    print(f"{a.out}: trained on {len(pairs)} draws; model.safetensors has sha256", hashlib.sha256((a.out / "model.safetensors").read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
