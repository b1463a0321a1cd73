# SPDX-License-Identifier: Apache-2.0
"""How hard a credential is to guess."""

import math
import re
import string
from collections.abc import Iterator

_LONGEST = 72
"""Characters that zxcvbn looks at. As many digits, the fewest there can be, hold 239 bits."""
_CHANCE_BITS, _CHANCE_SHARE = 32, 0.25
"""What words and patterns take off a text that has them by chance: less than both of these."""
_TRIED_FIRST = ("mlflow", "minio", "postgres", "postgresql", "kubernetes")
"""Words of this trade, which are in no list of common passwords."""
_HEXADECIMAL = (frozenset(string.hexdigits.lower()), frozenset(string.hexdigits.upper()))
_SEPARATORS = "-:"
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_BASE64_SIGNS = (frozenset("+/"), frozenset("-_"))
_BY_CHANCE = 0.001
"""Share of the generated texts of a length that lack a class of characters."""
WORD_BITS = 40
"""What is worth less is a word or a number, and stands in many a line by chance."""
_SIGNS = 33
"""Printable characters of ASCII that are neither letters nor digits."""


def bits(credential: str) -> float:
    """An estimate of how many bits a credential is worth to whoever guesses it, 0 or more.

    A generated one is worth what its characters can hold. Where zxcvbn finds more words and
    patterns in it (keyboard rows, dates, repetitions) than a generated one has by chance, people
    made it, and it is worth zxcvbn's number of guesses if that is less. Only the first 72
    characters count.
    """
    text = credential.rstrip("=")[:_LONGEST]
    # Whoever guesses a phrase tries its words without what separates them, and none of them twice.
    phrase = "".join(dict.fromkeys(_BETWEEN_WORDS.split(text)))
    return min(capacity(text), *(_guesses(form) for form in {text, phrase}))


def capacity(text: str) -> float:
    """How many bits a text can hold at most: its length times what its alphabet holds.

    Hexadecimal digits have an alphabet of 16, and what separates them holds nothing.
    """
    digits = text.translate(str.maketrans("", "", _SEPARATORS))
    if any(set(digits) <= alphabet for alphabet in _HEXADECIMAL):
        size = 10 if set(digits) <= set(string.digits) else 16
        return len(digits) * math.log2(size)
    return len(text) * math.log2(sum(_sizes(text)))


def _sizes(text: str) -> Iterator[int]:
    """The sizes of the classes of characters that a text is drawn from.

    A generated text lacks a class by chance as well, such as digits where it is short.
    """
    seen = frozenset(text)
    there = [len(found) for found in _CLASSES if not seen.isdisjoint(found)]
    absent = [len(found) for found in _CLASSES if seen.isdisjoint(found)]
    yield from there
    held = sum(there)
    for size in absent if len(there) > 1 else []:
        if (held / (held + size)) ** len(text) >= _BY_CHANCE:
            yield size
    signs = seen.difference(*_CLASSES)
    if signs:
        yield 2 if any(signs <= pair for pair in _BASE64_SIGNS) else _SIGNS


def _guesses(text: str) -> float:
    """The bits of zxcvbn's number of guesses; infinite for what is generated."""
    if not text:
        return math.inf
    # Here and not above: its lists of words take long to load, and few runs ask.
    from zxcvbn import zxcvbn

    found, held = zxcvbn(text, user_inputs=_TRIED_FIRST), capacity(text)
    saved = sum(_saved(match, held / len(text), len(text)) for match in found["sequence"])
    if saved < min(_CHANCE_BITS, _CHANCE_SHARE * held):
        return math.inf
    return float(found["guesses_log10"]) * math.log2(10)


def _saved(match: dict[str, object], each: float, length: int) -> float:
    """The bits that a guesser saves by a word or pattern, who must also guess where it begins.

    Args:
        match: of zxcvbn.
        each: what a character holds, bits.
        length: of the whole text.
    """
    if match["pattern"] == "bruteforce":
        return 0.0
    guesses = math.log2(float(str(match["guesses"])))
    held = len(str(match["token"])) * each
    return max(0.0, held - guesses - math.log2(length))
