"""Reads Princeton WordNet's database files (Debian package wordnet-base): antonyms, synonyms, sister nouns and definitions.

The format is described in wndb(5WN). Only words that the callers' texts use are kept: rare senses make poor questions.
"""

from __future__ import annotations

import collections
import pathlib
import re

_FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}

# Lexicographer files (lexnames(5WN)) whose nouns people ask about.
_FIELDS = {"04": "act", "05": "animal", "06": "artifact", "09": "thought", "10": "message", "13": "food", "14": "group",
           "20": "plant", "21": "possession", "22": "process", "26": "state", "27": "substance"}  # fmt: skip


class WordNet:
    def __init__(self, folder: pathlib.Path, counts: collections.Counter, least: int = 4):
        self.counts, self.least = counts, least
        self.synsets: dict[tuple[str, str], tuple[list[str], list[tuple[str, str, str, str]]]] = {}
        self.senses: dict[tuple[str, str], list[str]] = {}
        self._glosses: dict[str, tuple[str, str]] = {}
        self._defined: list[tuple[list[str], str, list[str], str]] = []
        for pos, name in _FILES.items():
            for line in self._lines(folder / f"data.{name}"):
                line, _, gloss = line.partition("|")
                f = line.split()
                n = int(f[3], 16)
                words = [f[4 + 2 * i].split("(")[0].lower() for i in range(n)]
                p = 5 + 2 * n
                pointers = [tuple(f[p + 4 * i : p + 4 * i + 4]) for i in range(int(f[p - 1]))]
                self.synsets[pos, f[0]] = (words, pointers)
                if pos == "n" and f[1] in _FIELDS:
                    self._glosses[f[0]] = (_FIELDS[f[1]], _plain(gloss))
            for line in self._lines(folder / f"index.{name}"):
                f = line.split()
                self.senses[pos, f[0]] = f[-int(f[2]) :]  # commonest sense first
        self._antonyms = self._read_antonyms()
        self._sisters: dict[str, list[str]] = {}

    @staticmethod
    def _lines(path: pathlib.Path):
        with path.open(encoding="latin-1") as f:
            yield from (line for line in f if not line.startswith("  "))  # the licence is indented

    def _known(self, word: str) -> bool:
        return "_" not in word and len(word) > 2 and self.counts[word] >= self.least

    def _read_antonyms(self) -> dict[str, list[str]]:
        out = collections.defaultdict(set)
        for words, pointers in self.synsets.values():
            for symbol, target, pos, ends in pointers:
                if symbol != "!":
                    continue
                other = self.synsets["a" if pos == "s" else pos, target][0]
                a, b = words[int(ends[:2], 16) - 1], other[int(ends[2:], 16) - 1]
                if self._known(a) and self._known(b):
                    out[a].add(b)
        return {w: sorted(s) for w, s in out.items()}

    def antonyms(self, word: str) -> list[str]:
        return self._antonyms.get(word, [])

    def synonyms(self, word: str) -> list[str]:
        """Of words with a single sense only, and that sense's words that have no other: else the sense is too often the wrong one."""
        senses = self._senses_of(word)
        if len(senses) != 1:
            return []
        return [w for w in self.synsets[senses[0]][0] if w != word and self._known(w) and len(self._senses_of(w)) == 1]

    def _senses_of(self, word: str) -> list[tuple[str, str]]:
        return [(pos, offset) for pos in "nvar" for offset in self.senses.get((pos, word), [])]

    def sisters(self, word: str) -> list[str]:
        """Nouns under the same parent as the word's commonest sense."""
        if word not in self._sisters:
            found = set()
            for sense in self.senses.get(("n", word), [])[:1]:
                for symbol, parent, _, _ in self.synsets["n", sense][1]:
                    if symbol != "@":
                        continue
                    for s, child, _, _ in self.synsets["n", parent][1]:
                        if s == "~" and child != sense:
                            found.update(w for w in self.synsets["n", child][0] if self._known(w))
            self._sisters[word] = sorted(found - {word})
        return self._sisters[word]

    def defined(self) -> list[tuple[list[str], str, list[str], str]]:
        """Things that people ask about: names, definition, definitions and names of sisters, and field."""
        if not self._defined:
            for (pos, offset), (names, pointers) in self.synsets.items():
                field, gloss = self._glosses.get(offset, ("", "")) if pos == "n" else ("", "")
                first = [w for w in names if self.senses.get(("n", w), [""])[0] == offset]
                # Terms of several words are what definitions stand in for most; of creatures and matter, only what people name.
                terms = len(first) > 1 and field not in ("animal", "plant", "substance") and any("_" in w for w in first)
                if not gloss or not (terms or any(self.counts[w] >= 2 for w in first)):
                    continue
                sisters = []
                for symbol, parent, _, _ in pointers:
                    if symbol == "@":
                        near = [c for s, c, p, _ in self.synsets["n", parent][1] if s == "~" and p == "n" and c != offset]
                        sisters += [self._glosses[c][1] for c in near if self._glosses.get(c, ("", ""))[1]]
                        sisters += [w.replace("_", " ") for c in near for w in self.synsets["n", c][0] if self.counts[w] >= 2]
                self._defined.append(([w.replace("_", " ") for w in first], gloss, sisters, field))
        return self._defined


def _plain(gloss: str) -> str:
    """The definition without examples and asides; empty if it is too short or too long to stand in a question."""
    text = re.sub(r"\([^)]*\)|\"[^\"]*\"?", "", gloss.split(";")[0])
    text = " ".join(text.split()).strip(" ,:")
    return text if 4 <= len(text.split()) <= 14 else ""
