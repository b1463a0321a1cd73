# SPDX-License-Identifier: Apache-2.0
"""What two runs of one suite never have in common: names made anew, digests, numbers measured."""

import re
from collections.abc import Hashable

from pydantic import JsonValue

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""The letters that Kubernetes makes names of."""

_MADE_ANEW = re.compile(
    rf"(?<=-)[{_SAFE}]{{6,10}}-[{_SAFE}]{{5}}\b"  # a pod of a ReplicaSet
    rf"|(?<=-)[{_SAFE}]{{5}}\b"  # a pod of a Job
    r"|(?=[A-Za-z]*[0-9])[A-Za-z0-9]{4,}"  # a digest, an ID, a time without separators
    r"|(?<![A-Za-z0-9])[0-9]+"
)
_SEVERAL = re.compile(r"#(?:[-.,:+]?#)+")


def masked(text: str) -> str:
    """A text with ``#`` in the place of numbers, times, digests and names that a run makes.

    Too much is masked rather than too little: texts are held against each other as they are first.
    """
    return _SEVERAL.sub("#", _MADE_ANEW.sub("#", text))


def shape(value: JsonValue, *, numbers: bool) -> Hashable:
    """What two values have in common that differ by names and digests alone.

    Lists are taken as sets: one run has more backups, pods or runs to tell of than another.

    Args:
        numbers: whether two numbers differ; else one stands for all of them.
    """
    match value:
        case None | bool():
            return value, type(value)
        case int() | float():
            return ("number", float(value) if numbers else None)
        case str():
            return ("text", masked(value))
        case list():
            return ("list", frozenset(shape(v, numbers=numbers) for v in value))
        case dict():
            return (
                "object",
                frozenset((masked(k), shape(v, numbers=numbers)) for k, v in value.items()),
            )
