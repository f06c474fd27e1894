"""Trains the verifier on what data.py wrote. One recipe, one file of float32 weights.

    python train.py --data DIR --model DIR --recipe recipe.json --out FILE

The recipe is a list of stages; a stage draws so many rows of each file, each file reshuffled whenever it is used up, and moves the rate
in a straight line. What a stage hands on, and the last one writes, is an exponential average of the weights over its steps: free, and
steadier than the last step. So that a stage can be tried again alone, it takes nothing else from the one before, and names its seed. A stage
may begin by dropping layers (Sajjad et al., 2023): "layers" are those that stay, counted from 0. It may end by mixing what earlier stages
handed on, "keep" has the share of each by its number, into what it hands on itself (Wortsman et al., 2022): they err elsewhere, and the mean errs less than any.
"""

from __future__ import annotations

import argparse
import copy
import json
import pathlib
import random
import time

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

import measure
from model import PairTokenizer, Trunk, Verifier, collate, score
from rows import read

TOKENS = 2048  # tokens a batch: 64 pairs of 32
TYPICAL = TOKENS / 32  # pairs a batch that one unit of loss stands for
AVERAGE_EVERY = 4  # steps between two updates of the running average
WINDOW = 8192  # pairs among which lengths are matched


class Draws:
    """Rows of one file without end, each pass in a new order."""

    def __init__(self, rows: list[dict], rng: random.Random):
        self.rows, self.rng, self.left = rows, rng, []

    def take(self, n: int) -> list[dict]:
        out = []
        while len(out) < n:
            if not self.left:
                self.left = self.rng.sample(self.rows, len(self.rows))
            out.append(self.left.pop())
        return out


def batches(rows: list[dict], tok: PairTokenizer, smoothing: dict[str, float], rng: random.Random):
    """Batches of one length, so without padding, in random order: (ids, kinds, valid, target). Either order of a pair is as likely."""
    rng.shuffle(rows)
    pairs = [(r["a"], r["b"]) if rng.random() < 0.5 else (r["b"], r["a"]) for r in rows]
    soft = [smoothing.get(r["from"], 0.0) for r in rows]
    target = [s / 2 + (1 - s) * r["same"] for r, s in zip(rows, soft)]
    items = [(e, t) for e, t in zip(tok(pairs), target)]
    for s in range(0, len(items), WINDOW):  # sorted within a window only: neighbours in length, not in time
        window = sorted(items[s : s + WINDOW], key=lambda it: len(it[0][0]))
        cut, batch = [], []
        for it in window:
            long = len(it[0][0])
            if batch and (long * (len(batch) + 1) > TOKENS or long != len(batch[0][0][0])):
                cut.append(batch)
                batch = []
            batch.append(it)
        cut.append(batch)
        rng.shuffle(cut)
        for b in cut:
            yield (*collate([e for e, _ in b]), torch.tensor([t for _, t in b]))


def report(model: Verifier, tok: PairTokenizer, sets: dict[str, list[dict]]) -> str:
    said = []
    for name, rows in sets.items():
        s = score(model, tok, [(r["a"], r["b"]) for r in rows], orders=1).numpy()
        y = np.array([r["same"] for r in rows])
        shares = " ".join(f"{measure.accepted(s, y, f):.3f}" for f in measure.SHARES)
        surprise = -np.log(np.where(y, s, 1 - s).clip(1e-6)).mean()
        said.append(f"{name} {shares} ap {measure.average_precision(s, y):.3f} log loss {surprise:.3f}")
    return " | ".join(said)


def written(out: pathlib.Path, stage: int) -> pathlib.Path:
    """Where the weights of a stage go."""
    return out.with_suffix(f".stage{stage}.safetensors")


def partial(out: pathlib.Path) -> pathlib.Path:
    """Where the weights are kept while they are not a stage's last."""
    return out.with_suffix(".partial")


def save(model: Verifier, out: pathlib.Path, to: pathlib.Path) -> None:
    """Writes weights so that the file, if it is there, is whole."""
    save_file(model.state_dict(), partial(out))
    partial(out).replace(to)


def stage_of(model: Verifier, tok: PairTokenizer, stage: dict, recipe: dict, a: argparse.Namespace, number: int, dev: dict[str, list[dict]]) -> Verifier:
    """Trains through one stage and returns the running average of the weights. Optimiser, warm-up, draws and seed are the stage's own."""
    torch.manual_seed(stage["seed"])
    rng = random.Random(stage["seed"])
    if "layers" in stage:
        model.trunk.keep(stage["layers"])
    model.train()
    head = [q for n, q in model.named_parameters() if not n.startswith("trunk.")]
    body = [q for n, q in model.named_parameters() if n.startswith("trunk.") and q.requires_grad]
    optimizer = torch.optim.AdamW([{"params": body}, {"params": head}], lr=0.0, weight_decay=0.01, fused=True)
    steady = copy.deepcopy(model)  # the running average of the weights; what is measured and written
    steady_body = [q for q in steady.parameters() if q.requires_grad]
    body_now = [q for q in model.parameters() if q.requires_grad]
    draws = {n: Draws(read(a.data / n), rng) for n in sorted(stage["mix"])}
    rows = [r for n in sorted(stage["mix"]) for r in draws[n].take(round(a.fraction * stage["mix"][n]))]
    for layer in model.trunk.layers:
        layer.dropout = stage["dropout"]
    began, step, running, todo, done = time.time(), 0, 0.0, len(rows), 0
    for ids, kinds, valid, target in batches(rows, tok, recipe["smoothing"], rng):
        first, last = stage["rate"]
        rate = (first + (last - first) * done / todo) * min(1.0, (step + 1) / 100)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.param_groups[1]["lr"] = rate * stage["head_rate"]
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(ids, kinds, valid)
        # A sum over a fixed count: a batch of long pairs holds fewer, and must not weigh each of them more.
        loss = F.binary_cross_entropy_with_logits(logits.float(), target, reduction="sum") / TYPICAL
        loss.backward()
        torch.nn.utils.clip_grad_norm_(body + head, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        done += len(target)
        step += 1
        if step % AVERAGE_EVERY == 0:
            with torch.no_grad():
                torch._foreach_lerp_(steady_body, body_now, 1 - min(recipe["average"], step / (step + 10)) ** AVERAGE_EVERY)
        running = 0.98 * running + 0.02 * loss.item() * TYPICAL / len(target)
        if step % 50 == 0:
            spent = time.time() - began
            print(f"stage {number} step {step} pairs {done}/{todo} loss {running / (1 - 0.98**step):.4f} {spent:.0f} s", flush=True)
        if step % 800 == 0 or done == todo:
            print(report(steady, tok, dev), flush=True)
            save_file(steady.state_dict(), partial(a.out))
    if keep := stage.get("keep"):
        kept = [(share, earlier(a, int(n), stage)) for n, share in keep.items()]
        own = 1 - sum(keep.values())
        steady.load_state_dict({n: own * w + sum(share * v[n] for share, v in kept) for n, w in steady.state_dict().items()})
    return steady


def earlier(a: argparse.Namespace, number: int, stage: dict) -> dict[str, torch.Tensor]:
    """The weights that an earlier stage handed on, without the layers that this one drops."""
    model = Verifier.load(a.model, written(a.out, number))
    if "layers" in stage:
        model.trunk.keep(stage["layers"])
    return model.state_dict()


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", type=pathlib.Path, required=True)
    p.add_argument("--model", type=pathlib.Path, required=True, help="folder of start.py")
    p.add_argument("--recipe", type=pathlib.Path, default=pathlib.Path(__file__).with_name("recipe.json"))
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--fraction", type=float, default=1, help="of the draws of every stage: less than 1 tries the path, not the recipe")
    p.add_argument("--from-stage", type=int, default=0, help="goes on at this stage, from what the one before wrote beside --out")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    recipe = json.loads(a.recipe.read_text())
    torch.manual_seed(recipe["stages"][0]["seed"])  # of the head's first weights
    tok = PairTokenizer(a.model)
    model = Verifier(Trunk.load(a.model))
    dev = {"dev": read(a.data / "dev.jsonl"), "qqp_dev": read(a.data / "qqp_dev.jsonl")[:500], "conversations_dev": read(a.data / "conversations_dev.jsonl")}
    stages = list(enumerate(recipe["stages"]))
    if not 0 <= a.from_stage < len(stages):
        raise SystemExit(f"train: --from-stage {a.from_stage}: the recipe has stages 0 to {len(stages) - 1}")
    if a.from_stage:
        model = Verifier.load(a.model, written(a.out, a.from_stage - 1))
    for number, stage in stages[a.from_stage :]:
        model = stage_of(model, tok, stage, recipe, a, number, dev)
        save(model, a.out, written(a.out, number))
    save(model, a.out, a.out)


if __name__ == "__main__":
    main()
