"""Reads the parts that data.py writes."""

from __future__ import annotations

import json
import pathlib


def read(path: pathlib.Path) -> list[dict]:
    """The rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
