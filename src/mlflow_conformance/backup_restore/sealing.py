# SPDX-License-Identifier: Apache-2.0
"""What can be seen of a backup's encryption: from its bytes alone, and by trying to open it."""

import base64
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_SEARCHED = 1 << 20
"""Bytes at the start of a backup in which a disguised plaintext is looked for."""
_STARTS = 512
_LONGEST_PERIOD = 64
_COMPARED = 4 * _LONGEST_PERIOD


@dataclass(frozen=True)
class Opening:
    """What the backup's own program made of a backup, for a key and for others.

    Attributes:
        own: what its own key opened: ``the dump``, ``something else``, or how it was refused.
        keys: by which other keys it was opened, and what came out; empty when all were refused.
        changed: with which byte changed it was still opened, likewise.
        repeated: the same text, encrypted twice, gave the same bytes.
        head: the first bytes of the dump; empty when its own key did not open it.
        beside: keys of the bucket's objects that hold the key.
    """

    own: str
    keys: Mapping[str, str]
    changed: Mapping[str, str]
    repeated: bool
    head: bytes = field(repr=False)
    beside: Sequence[str]

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Opening":
        """What `forge.Bench.examine` answered."""
        return cls(
            own=told["own"],
            keys=_opened(told["keys"]),
            changed=_opened(told["changed"]),
            repeated=told["repeated"],
            head=base64.b64decode(told["head"]),
            beside=told["beside"],
        )


def _opened(outcomes: Mapping[str, str]) -> dict[str, str]:
    return {how: what for how, what in outcomes.items() if not what.startswith("refused")}


def entropy(content: bytes) -> float:
    """Shannon's entropy of the bytes, bits for each: 8 when none is likelier than another."""
    count = Counter(content)
    whole = len(content)
    return -sum(n / whole * math.log2(n / whole) for n in count.values()) if whole else 0.0


def disguised(content: bytes, known: bytes) -> list[str]:
    """How a known beginning of the plaintext stands in a backup without a key that is worth it.

    It is looked for as it is, with one byte added to each or XORed into each, with the bits of
    each rotated, and with a few bytes XORed into it over and over.

    Args:
        known: eight bytes or more, lest chance bring them about.
    """
    start = content[:_SEARCHED]
    found = [how for how, text in _variants(known[:16]) if text in start]
    if (period := _repeated_key(start, known)) and not found:
        found.append(f"XOR with {period} bytes that repeat")
    return found


def _variants(text: bytes) -> list[tuple[str, bytes]]:
    return [
        *((f"XOR {n:#04x}" if n else "as it is", bytes(b ^ n for b in text)) for n in range(256)),
        *((f"plus {n}", bytes((b + n) % 256 for b in text)) for n in range(1, 256)),
        *(
            (f"rotated by {n}", bytes((b << n | b >> (8 - n)) & 255 for b in text))
            for n in range(1, 8)
        ),
    ]


def _repeated_key(content: bytes, known: bytes) -> int | None:
    """The length of a short key that was XORed into the plaintext over and over; else None."""
    length = min(len(known), _COMPARED)
    for start in range(min(_STARTS, len(content) - length + 1)):
        stream = bytes(a ^ b for a, b in zip(content[start : start + length], known, strict=False))
        for period in range(1, min(_LONGEST_PERIOD, length // 2) + 1):
            if stream[period:] == stream[:-period]:
                return period
    return None
