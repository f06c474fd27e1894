"""Writes the float32 model's vectors of the quality test's texts, as little-endian float16, 384 a text.

    python reference_vectors.py --model DIR > ../testdata/quality_vectors.f16

float16 keeps a unit vector's cosine to 1e-6, which is far below what the test measures.
"""

import argparse
import json
import pathlib
import sys

import convert
import reference_model

TEXTS = convert.HERE.parent / "testdata" / "quality_texts.jsonl"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=pathlib.Path, required=True, help="folder of finetune.py")
    args = parser.parse_args()
    model = reference_model.Reference(args.model)
    for line in TEXTS.read_text().splitlines():
        sys.stdout.buffer.write(model.embed(json.loads(line)).astype("<f2").tobytes())


if __name__ == "__main__":
    main()
