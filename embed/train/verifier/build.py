"""From the data to the two files that the Go package reads, in one command: pairs, the encoder and its file, the verifier, its figures and its file.

    python build.py --authored DIR --qqp FILE --intents FILE --intents FILE --encoder DIR --archive JAR --work DIR [--recipe FILE] [--fraction F]

What lands in the work folder: the parts of data.py; encoder, smoothing.json and minilm.safetensors; the verifier's start, weights.safetensors (float32),
verifier.safetensors (int8), figures.md. What is there already is kept, so that a run that was cut short goes on, training at the stage that it was in; for
other data or another recipe take another folder. With --fraction 0.005 the whole path is tried in a quarter of an hour; its files can be read, and judge no better than chance.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys

import train

HERE = pathlib.Path(__file__).resolve().parent


def run(script: str, *flags: object, into: pathlib.Path | None = None) -> None:
    command = [sys.executable, str(HERE / script), *map(str, flags)]
    print("+", *command[1:], flush=True)
    if into is None:
        subprocess.run(command, check=True)
    else:
        with into.open("w", encoding="utf-8") as f:
            subprocess.run(command, check=True, stdout=f)


def step(made: pathlib.Path, script: str, *flags: object, prints: bool = False) -> None:
    """Runs a script that makes one file or folder, or prints a file, unless that is there. It is made under another name, so that what is there is whole."""
    if made.exists():
        print(f"kept {made}", flush=True)
        return
    part = made.with_name(made.name + ".part")
    if prints:
        run(script, *flags, into=part)
    else:
        run(script, *flags, "--out", part)
    part.replace(made)


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
    p.add_argument("--fraction", type=float, default=1, help="of the draws of both trainings")
    a = p.parse_args()
    data, encoder, start = (a.work / n for n in ("data", "encoder", "start"))
    smoothing, weights, quantised = (a.work / n for n in ("smoothing.json", "weights.safetensors", "verifier.safetensors"))
    a.work.mkdir(parents=True, exist_ok=True)
    intents = [x for f in a.intents for x in ("--intents", f)]
    step(data, "data.py", "--authored", a.authored, "--qqp", a.qqp, *intents, "--wordnet", a.wordnet, "--model", a.encoder)
    step(encoder, "../finetune.py", "--data", data, "--model", a.encoder, "--fraction", a.fraction)
    step(smoothing, "../calibrate.py", "--model", encoder, prints=True)
    step(a.work / "minilm.safetensors", "../convert.py", "--model", encoder, "--smoothing", smoothing)
    step(start, "start.py", "--archive", a.archive, "--encoder", a.encoder)
    if not weights.exists():
        stages = len(json.loads(a.recipe.read_text())["stages"])
        done = max((n + 1 for n in range(stages - 1) if train.written(weights, n).exists()), default=0)
        run("train.py", "--data", data, "--model", start, "--recipe", a.recipe, "--out", weights, "--from-stage", done, "--fraction", a.fraction)
    step(quantised, "export.py", "--weights", weights, "--model", start, "--data", data)
    judged = ["--weights", weights, "--quantised", quantised, "--one-order"]
    step(a.work / "figures.md", "evaluate.py", "--data", data, "--model", start, "--encoder", encoder, *judged, prints=True)


if __name__ == "__main__":
    main()
