"""From the data to the file that the Go package reads, in one command: pairs, weights, figures, export.

    python build.py --authored DIR --qqp FILE --intents FILE --intents FILE --model DIR --work DIR [--recipe FILE]

What lands in the work folder: the parts of data.py, weights.safetensors (float32), verifier.safetensors (int8), figures.md. A recipe may
name an earlier verifier to go on from: the blob of its file in this repository's history, and its digest.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def step(script: str, *flags: object, into: pathlib.Path | None = None) -> None:
    command = [sys.executable, str(HERE / script), *map(str, flags)]
    print("+", *command[1:], flush=True)
    if into is None:
        subprocess.run(command, check=True)
    else:
        with into.open("w", encoding="utf-8") as f:
            subprocess.run(command, check=True, stdout=f)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--authored", type=pathlib.Path, required=True)
    p.add_argument("--qqp", type=pathlib.Path, required=True)
    p.add_argument("--intents", type=pathlib.Path, action="append", default=[])
    p.add_argument("--wordnet", type=pathlib.Path, default=pathlib.Path("/usr/share/wordnet"))
    p.add_argument("--model", type=pathlib.Path, required=True)
    p.add_argument("--work", type=pathlib.Path, required=True)
    p.add_argument("--recipe", type=pathlib.Path, default=HERE / "recipe.json")
    a = p.parse_args()
    data, weights, out = a.work / "data", a.work / "weights.safetensors", a.work / "verifier.safetensors"
    a.work.mkdir(parents=True, exist_ok=True)
    intents = [x for f in a.intents for x in ("--intents", f)]
    step("data.py", "--authored", a.authored, "--qqp", a.qqp, *intents, "--wordnet", a.wordnet, "--model", a.model, "--out", data)
    begin = []
    if start := json.loads(a.recipe.read_text()).get("start"):
        earlier, floats = a.work / "start.int8.safetensors", a.work / "start.safetensors"
        with earlier.open("wb") as f:
            subprocess.run(["git", "-C", str(HERE), "cat-file", "blob", start["blob"]], check=True, stdout=f)
        step("start.py", "--quantised", earlier, "--sha256", start["sha256"], "--model", a.model, "--out", floats)
        begin = ["--start", floats]
    step("train.py", "--data", data, "--model", a.model, "--recipe", a.recipe, *begin, "--out", weights)
    step("export.py", "--weights", weights, "--model", a.model, "--data", data, "--out", out)
    step("evaluate.py", "--data", data, "--model", a.model, "--weights", weights, "--quantised", out, "--one-order", into=a.work / "figures.md")


if __name__ == "__main__":
    main()
