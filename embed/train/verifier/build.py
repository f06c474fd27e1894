"""From the data to the two files that the Go package reads, in one command: pairs, the encoder and its file, the verifier, its figures and its file.

    python build.py --authored DIR --qqp FILE --intents FILE --intents FILE --encoder DIR --archive JAR --work DIR [--recipe FILE]

What lands in the work folder: the parts of data.py; encoder, smoothing.json and minilm.safetensors; the verifier's start, weights.safetensors (float32),
verifier.safetensors (int8), figures.md.
"""

from __future__ import annotations

import argparse
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
    p.add_argument("--encoder", type=pathlib.Path, required=True, help="folder of all-MiniLM-L6-v2")
    p.add_argument("--archive", type=pathlib.Path, required=True, help="what start.py says")
    p.add_argument("--work", type=pathlib.Path, required=True)
    p.add_argument("--recipe", type=pathlib.Path, default=HERE / "recipe.json")
    a = p.parse_args()
    data, start, weights, out = (a.work / n for n in ("data", "start", "weights.safetensors", "verifier.safetensors"))
    a.work.mkdir(parents=True, exist_ok=True)
    intents = [x for f in a.intents for x in ("--intents", f)]
    step("data.py", "--authored", a.authored, "--qqp", a.qqp, *intents, "--wordnet", a.wordnet, "--model", a.encoder, "--out", data)
    encoder, smoothing = a.work / "encoder", a.work / "smoothing.json"
    step("../finetune.py", "--data", data, "--model", a.encoder, "--out", encoder)
    step("../calibrate.py", "--model", encoder, into=smoothing)
    step("../convert.py", "--model", encoder, "--smoothing", smoothing, "--out", a.work / "minilm.safetensors")
    step("start.py", "--archive", a.archive, "--encoder", a.encoder, "--out", start)
    step("train.py", "--data", data, "--model", start, "--recipe", a.recipe, "--out", weights)
    step("export.py", "--weights", weights, "--model", start, "--data", data, "--out", out)
    judged = ["--weights", weights, "--quantised", out, "--one-order"]
    step("evaluate.py", "--data", data, "--model", start, "--encoder", encoder, *judged, into=a.work / "figures.md")


if __name__ == "__main__":
    main()
