"""Writes the 1,000 texts of the encoder's quality test, one JSON string a line.

    python reference_texts.py > ../testdata/quality_texts.jsonl

The texts are composed from reference_fragments.py by a seeded generator, so that lengths run from nothing to
several windows, and scripts, code, typing errors and odd characters all occur. The same seed gives the same bytes.
"""

import json
import random
import sys

from reference_fragments import CODE, FOREIGN, ODD, PREFIXES, QUESTIONS, STATEMENTS, SUFFIXES

COUNT = 1000


def misspell(rng, text):
    """One to four typing errors: a dropped, doubled, swapped or neighbouring letter."""
    chars = list(text)
    for _ in range(rng.randint(1, 4)):
        i = rng.randrange(len(chars) - 1)
        kind = rng.randrange(4)
        if kind == 0:
            del chars[i]
        elif kind == 1:
            chars.insert(i, chars[i])
        elif kind == 2:
            chars[i], chars[i + 1] = chars[i + 1], chars[i]
        else:
            chars[i] = rng.choice("asdfghjklqwertyuiop")
    return "".join(chars)


def renumber(rng, text):
    """Every digit replaced, so that numbers keep their shape and change their value."""
    return "".join(rng.choice("0123456789") if c.isdigit() else c for c in text)


def compose(rng):
    kind = rng.randrange(12)
    plain = QUESTIONS + STATEMENTS
    if kind < 3:
        return rng.choice(PREFIXES) + rng.choice(QUESTIONS) + rng.choice(SUFFIXES)
    if kind == 3:
        return misspell(rng, rng.choice(plain))
    if kind == 4:
        return renumber(rng, rng.choice(plain)) + rng.choice(SUFFIXES)
    if kind == 5:
        return rng.choice(plain).upper() if rng.random() < 0.3 else rng.choice(plain).lower().rstrip("?.")
    if kind == 6:
        return " ".join(rng.sample(FOREIGN, rng.randint(1, 4)))
    if kind == 7:
        return rng.choice(["What does this do?\n", "Fix this:\n", "", "Why does this fail? "]) + "\n".join(rng.sample(CODE, rng.randint(1, 3)))
    if kind == 8:
        return " ".join(rng.sample(STATEMENTS, rng.randint(2, 6)))
    if kind == 9:
        return rng.choice(QUESTIONS) + " " + rng.choice(FOREIGN) + " " + rng.choice(ODD)
    if kind == 10:
        words = " ".join(rng.sample(plain, 3)).split()
        start = rng.randrange(len(words) - 4)
        return " ".join(words[start : start + rng.randint(1, 9)])
    parts = rng.choices(plain + FOREIGN + CODE, k=rng.choice([3, 5, 8, 12, 20, 40]))
    return "\n\n".join(parts)


def main():
    rng = random.Random(20240229)
    texts = list(dict.fromkeys(ODD + FOREIGN + CODE + QUESTIONS[:20] + STATEMENTS[:10]))
    seen = set(texts)
    while len(texts) < COUNT:
        text = compose(rng)
        if text not in seen:
            seen.add(text)
            texts.append(text)
    for text in texts:
        sys.stdout.write(json.dumps(text, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
