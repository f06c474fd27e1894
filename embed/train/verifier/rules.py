"""Pairs by rule: traps (a small edit that changes the answer) and near repeats (noise that does not)."""

from __future__ import annotations

import collections
import random
import re

import lexicon
from wordnet import WordNet

_WORD = re.compile(r"[A-Za-z][A-Za-z'\-+]*")
_NAME = re.compile(r"(\S+) ([A-Z][\w.\-&+#]*(?: [A-Z][\w.\-&+#]*){0,3})")
_NEGATION = re.compile(r"n't\b")
_MARKS = "?.!,:;()'\""
_STOP = frozenset(
    """the a an of to in on for and or is are was were be do does did can could will would should how what which who when
    where why i you my your me it this that with from at by as if not have has had get there any some much many way one""".split()
)
_WORDS_BY_NUMBER = {n: w for w, n in lexicon.NUMBER_WORDS.items()}


def words(text: str) -> list[str]:
    return [w.lower() for w in _WORD.findall(text)]


def _like(new: str, old: str) -> str:
    """new in old's capitals."""
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new[:1].upper() + new[1:] if old[:1].isupper() else new


def _phrases(table: dict[str, list[str]]) -> re.Pattern:
    return re.compile(r"(?<![\w'-])(" + "|".join(sorted(map(re.escape, table), key=len, reverse=True)) + r")(?![\w'-])", re.I)


class Rules:
    """Draws from one seeded generator, so equal seeds and texts give equal pairs."""

    def __init__(self, rng: random.Random, texts: list[str], wordnet: WordNet):
        self.rng, self.wordnet = rng, wordnet
        self.opposites: dict[str, list[str]] = collections.defaultdict(list)
        for a, b in lexicon.OPPOSITES:
            self.opposites[a.lower()].append(b)
            self.opposites[b.lower()].append(a)
        self.siblings: dict[str, list[str]] = collections.defaultdict(list)
        for row in lexicon.SIBLINGS:
            for w in row:
                self.siblings[w.lower()] += [x for x in row if x != w]
        self.spellings: dict[str, list[str]] = collections.defaultdict(list)
        for a, b in lexicon.SPELLINGS:
            self.spellings[a.lower()].append(b)
            self.spellings[b.lower()].append(a)
        self.short = {w.lower(): list(forms) for w, *forms in lexicon.SHORT_FORMS}
        self._opposite, self._sibling, self._spelling, self._short = map(
            _phrases, (self.opposites, self.siblings, self.spellings, self.short)
        )
        self._number_word = _phrases({w: [] for w in lexicon.NUMBER_WORDS})
        self.names_after: dict[str, list[str]] = collections.defaultdict(list)
        self.names: list[str] = []
        for t in texts:
            for m in _NAME.finditer(t):
                name = m[2].rstrip(".,")
                if len(name) > 1 and not name.startswith("I "):
                    self.names_after[m[1].lower()].append(name)
                    self.names.append(name)
        self.traps = [
            (self.opposite, 3), (self.antonym, 2), (self.sibling, 3), (self.number, 3), (self.name, 4), (self.ends, 1),
            (self.negate, 1), (self.sister, 2), (self.narrow, 0.5),
        ]  # fmt: skip

    def trap(self, text: str) -> tuple[str, str] | None:
        """An edit that asks something else, and the name of the rule; None where no rule applies."""
        fs, ws = zip(*self.traps)
        for _ in range(6):
            f = self.rng.choices(fs, ws)[0]
            new = f(text)
            if new and new.lower() != text.lower():
                return new, f.__name__
        return None

    def near(self, text: str) -> str:
        """The same question with courtesy, spelling, case or framing changed; never the text itself unless nothing fits."""
        r, s = self.rng, text
        if r.random() < 0.3:
            s = self._slips(s)
            return s if s != text else text.lower().rstrip("?.! ")
        if r.random() < 0.3:
            s = self._reframe(s)
        if r.random() < 0.15:
            s = self._reorder(s)
        if r.random() < 0.25:
            s = self._swap(s, self._spelling, self.spellings) or s
        if r.random() < 0.25:
            s = self._swap(s, self._short, self.short) or s
        if r.random() < 0.2:
            s = self._renumber(s)
        if r.random() < 0.1:
            s = self._synonym(s)
        if r.random() < 0.25:
            s = re.sub(r"\b(?:the|a|an|my|please) (?=\w)", lambda m: "" if r.random() < 0.6 else m[0], s, flags=re.I)
        if r.random() < 0.25:
            s = r.choice(lexicon.OPENERS) + (s[0].lower() + s[1:] if s and not s.startswith("I ") and r.random() < 0.7 else s)
        if r.random() < 0.2:
            s = s.rstrip("?.! ") + r.choice(lexicon.CLOSERS)
        if r.random() < 0.3:
            s = s.lower()
        if r.random() < 0.35:
            s = s.rstrip("?.! ")
        if r.random() < 0.15:
            s = self._join(s)
        for _ in range(r.choice((0, 0, 0, 1, 1, 2))):
            s = self._typo(s)
        if r.random() < 0.02:
            s = s.upper()
        return s if s != text else text.lower().rstrip("?.! ")

    # Traps.

    def _swap(self, s: str, pattern: re.Pattern, table: dict[str, list[str]], found: list[re.Match] | None = None) -> str | None:
        """One of the words found, by default any that the pattern knows, in exchange for one of the table's."""
        found = found or list(pattern.finditer(s))
        if not found:
            return None
        m = self.rng.choice(found)
        return s[: m.start()] + _like(self.rng.choice(table[m[0].lower()]), m[0]) + s[m.end() :]

    def opposite(self, s: str) -> str | None:
        """Content words first: a plain negation of the verb is the weaker and, in a yes-or-no question, the arguable edit."""
        found = [m for m in self._opposite.finditer(s) if self.rng.random() < 0.08 or not _NEGATION.search(" ".join([m[0], *self.opposites[m[0].lower()]]))]
        return self._swap(s, self._opposite, self.opposites, found) if found else None

    def sibling(self, s: str) -> str | None:
        return self._swap(s, self._sibling, self.siblings)

    def _word_for(self, s: str, options) -> str | None:
        found = [m for m in _WORD.finditer(s) if m[0].lower() not in _STOP and m[0].islower()]
        self.rng.shuffle(found)
        for m in found[:5]:
            new = options(m[0])
            if new:
                return s[: m.start()] + self.rng.choice(new) + s[m.end() :]
        return None

    def antonym(self, s: str) -> str | None:
        return self._word_for(s, self.wordnet.antonyms)

    def sister(self, s: str) -> str | None:
        return self._word_for(s, self.wordnet.sisters)

    def number(self, s: str) -> str | None:
        r = self.rng
        found = list(re.finditer(r"\d+", s)) + list(self._number_word.finditer(s))
        if not found:
            return None
        m = r.choice(found)
        if not m[0].isdigit():
            new = r.choice([w for w in lexicon.NUMBER_WORDS if w != m[0].lower()])
            return s[: m.start()] + _like(new, m[0]) + s[m.end() :]
        v = m[0]
        if len(v) > 3 and r.random() < 0.5:  # a slip of the finger in a long number is another number
            i = r.randrange(len(v))
            new = v[:i] + str((int(v[i]) + r.randint(1, 9)) % 10) + v[i + 1 :]
        elif r.random() < 0.6:
            new = str(max(0, int(v[:15]) + r.choice([-5, -3, -2, -1, 1, 2, 3, 5, 10])))
        else:
            new = str(r.choice([1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 15, 18, 20, 24, 30, 48, 50, 60, 90, 100, 500, 2015, 2019, 2023]))
        return s[: m.start()] + new + s[m.end() :]

    def name(self, s: str) -> str | None:
        found = list(_NAME.finditer(s))
        if not found or not self.names:
            return None
        m = self.rng.choice(found)
        alike = self.names_after[m[1].lower()]
        pool = alike if len(alike) > 5 and self.rng.random() < 0.8 else self.names
        for _ in range(5):
            new = self.rng.choice(pool)
            if new.lower() not in m[2].lower() and m[2].lower() not in new.lower():
                return s[: m.start(2)] + new + s[m.end(2) :]
        return None

    def ends(self, s: str) -> str | None:
        m = re.search(r"\bfrom (\w+) (?:in)?to (\w+)\b", s) or re.search(r"\b([A-Z]\w+) (?:to|than|vs|over|into) ([A-Z]\w+)\b", s)
        return s[: m.start(1)] + m[2] + s[m.end(1) : m.start(2)] + m[1] + s[m.end(2) :] if m else None

    def negate(self, s: str) -> str | None:
        aux = "is|are|can|should|will|would|do|does|did|has|have"
        # Not of yes-or-no questions: "is it safe?" and "is it not safe?" have one answer.
        m = re.match(rf"(?:what|which|who|why|how|where|when)\b.*?\b(?:{aux})\b(?: (?:i|we|you|it|they|he|she|people|my \w+|the \w+))?", s, re.I)
        if m and self.rng.random() < 0.7:
            return s[: m.end()] + " not" + s[m.end() :]
        m = re.search(r"\bto (?=[a-z]+)", s)
        return s[: m.start()] + "not " + s[m.start() :] if m else None

    def narrow(self, s: str) -> str | None:
        core = s.rstrip("?.! ")
        if len(core.split()) > 18:
            return None
        return core + " " + self.rng.choice(lexicon.NARROWINGS) + ("?" if s.rstrip().endswith("?") else "")

    def turned(self) -> tuple[str, str, bool]:
        """Two requests over the same two ends: said in another way, or turned round (a trap)."""
        r = self.rng
        forms = r.choice(lexicon.DIRECTIONS)
        ends, things = forms[0]
        a, b = r.sample(r.choice(ends), 2)
        t = r.choice(things) if things else ""
        one, other = r.choice(forms[1:]), r.choice(forms[1:])
        same = r.random() < 0.45
        x, y = one.format(a=a, b=b, t=t), other.format(a=a if same else b, b=b if same else a, t=t)
        if r.random() < 0.3 or x == y:
            y = self.near(y)
        return x[:1].upper() + x[1:] if r.random() < 0.5 else x, y, same

    def defined(self) -> tuple[str, str, bool]:
        """Two questions about a thing, by its names or its definition; or (a trap) about a sister of it, or other questions."""
        r = self.rng
        while True:
            names, gloss, sisters, field = r.choice(self.wordnet.defined())
            groups = lexicon.TOPICS["any"] + lexicon.TOPICS[field]
            forms = r.choice(groups)
            x, y = r.choice(forms).format(r.choice(names)), r.choice(forms)
            way = r.random()
            if way < 0.5:
                other = r.choice([n for n in names if n not in x] or [gloss]) if r.random() < 0.4 else gloss
                y, same = y.format(other), True
            elif way < 0.85 and sisters:
                y, same = y.format(r.choice(sisters)), False
            else:
                y, same = r.choice(r.choice([g for g in groups if g is not forms])).format(r.choice([gloss, *names])), False
            x, y = (t[:1].upper() + t[1:] + "?" if r.random() < 0.4 else t for t in (x, y))
            if r.random() < 0.15:
                y = self._slips(y)
            if x.lower() != y.lower():
                return x, y, same

    # Noise.

    def _reframe(self, s: str) -> str:
        low = s.lower()
        for frame in lexicon.FRAMES:
            for opening in sorted(frame, key=len, reverse=True):
                if low.startswith(opening + " "):
                    new = self.rng.choice([f for f in frame if f != opening])
                    return _like(new, s[:1]) + s[len(opening) :]
        return s

    def _reorder(self, s: str) -> str:
        """A condition moved from one end of the sentence to the other."""
        m = re.fullmatch(r"((?:if|when|after|before|in|for|on|with) [^,?]{6,}), ([^?]+)\??", s, re.I)
        if m:
            return f"{_like(m[2], 'A')} {m[1][0].lower()}{m[1][1:]}?"
        m = re.fullmatch(r"([^?,]{12,}?) ((?:if|when|after|before) [^?,]{6,})\??", s)
        return f"{_like(m[2], 'A')}, {m[1][0].lower()}{m[1][1:]}?" if m else s

    def _join(self, s: str) -> str:
        """A word cut in two, two words made one, or a hyphen for a blank and back."""
        r = self.rng
        way = r.random()
        if way < 0.3 and "-" in s:
            return s.replace("-", r.choice((" ", "")), 1)
        parts = s.split(" ")
        if way < 0.6:
            long = [i for i, w in enumerate(parts) if len(w) > 6 and w.isalpha()]
            if long:
                i = r.choice(long)
                at = r.randrange(3, len(parts[i]) - 2)
                parts[i] = parts[i][:at] + " " + parts[i][at:]
                return " ".join(parts)
        pairs = [i for i in range(len(parts) - 1) if parts[i].isalpha() and parts[i + 1].isalpha() and len(parts[i]) > 2]
        if pairs:
            i = r.choice(pairs)
            parts[i : i + 2] = [parts[i] + r.choice(("", "-")) + parts[i + 1]]
        return " ".join(parts)

    def _renumber(self, s: str) -> str:
        for m in re.finditer(r"(?<![\w.,])\d{1,4}(?![\w.,%])", s):
            if int(m[0]) in _WORDS_BY_NUMBER:
                return s[: m.start()] + _WORDS_BY_NUMBER[int(m[0])] + s[m.end() :]
        m = self._number_word.search(s)
        if m and m[0].lower() not in ("one", "hundred", "thousand"):
            return s[: m.start()] + str(lexicon.NUMBER_WORDS[m[0].lower()]) + s[m.end() :]
        return s

    def _synonym(self, s: str) -> str:
        return self._word_for(s, self.wordnet.synonyms) or s

    def _slips(self, s: str) -> str:
        """Hasty typing: one to four slips of the fingers, and perhaps no apostrophes, no capitals, no full stop."""
        r = self.rng
        for _ in range(r.choice((1, 1, 2, 2, 3, 4))):
            s = self._typo(s)
        if r.random() < 0.4:
            s = s.replace("'", "")
        if r.random() < 0.4:
            s = s.lower()
        if r.random() < 0.4:
            s = re.sub(r"[?.!,]", "", s)
        if r.random() < 0.15:
            s = self._join(s)
        return s

    def _typo(self, s: str) -> str:
        """One slip in a word of four letters or more: exchanged, dropped, doubled, a neighbouring key in place or beside."""
        r, parts = self.rng, s.split(" ")
        long = [i for i, w in enumerate(parts) if len(w.strip(_MARKS)) > 3 and w.strip(_MARKS).isalpha() and w.strip(_MARKS)[1:].islower()]
        if not long:
            return s
        i = r.choice(long)
        w = parts[i].strip(_MARKS)
        j = r.randrange(0 if r.random() < 0.1 else 1, len(w) - 1)
        keys = lexicon.NEIGHBOURS.get(w[j].lower(), "e")
        slip = r.choice(
            [
                w[:j] + w[j + 1] + w[j] + w[j + 2 :],
                w[:j] + w[j + 1] + w[j] + w[j + 2 :],
                w[:j] + w[j + 1 :],
                w[:j] + w[j + 1 :],
                w[:-1],
                w[:j] + w[j] + w[j:],
                w[:j] + r.choice(keys) + w[j + 1 :],
                w[:j] + r.choice(keys) + w[j + 1 :],
                w[:j] + r.choice(keys) + w[j:],
            ]
        )
        parts[i] = parts[i].replace(w, slip, 1)
        return " ".join(parts)
