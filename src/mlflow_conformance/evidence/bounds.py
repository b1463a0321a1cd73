# SPDX-License-Identifier: Apache-2.0
"""Whether what was observed keeps what was promised: equality and order as JSON has them."""

import re
from collections.abc import Iterable
from typing import Literal

from pydantic import JsonValue

from mlflow_conformance.evidence.describing import text
from mlflow_conformance.evidence.model import Bound, Observation

Outcome = Literal["informs", "holds", "broken", "incomparable"]


def outcome(observation: Observation) -> Outcome:
    """What one observation says: `incomparable` is neither evidence for nor against."""
    if observation.bound is None:
        return "informs"
    try:
        return "holds" if holds(observation.bound, observation.observed) else "broken"
    except (TypeError, re.error):
        return "incomparable"


def holds(bound: Bound, observed: JsonValue) -> bool:  # noqa: PLR0911 - one per operator
    """Whether an observed value satisfies its bound.

    Equality is that of JSON: ``true`` is not ``1``, ``1`` is ``1.0``, and values of two kinds
    differ. Such a difference breaks ``==``, but it never satisfies ``!=``: a check that saw
    another kind of value than it meant to see has not shown what it promised.

    Raises:
        TypeError: the two cannot be compared, for example a number with a string by ``<=``.
        re.error: the bound is no regular expression.
    """
    match bound.op:
        case "==":
            return same(observed, bound.value)
        case "!=":
            if _kind(observed) != _kind(bound.value):
                raise TypeError(f"{text(observed)} and {text(bound.value)} are of two kinds")
            return not same(observed, bound.value)
        case "<=":
            return _number(observed) <= _number(bound.value)
        case ">=":
            return _number(observed) >= _number(bound.value)
        case "in":
            return any(same(observed, item) for item in _items(bound.value))
        case "contains":
            if isinstance(observed, str):
                return _string(bound.value) in observed
            return any(same(bound.value, item) for item in _items(observed))
        case "matches":
            return re.fullmatch(_string(bound.value), _string(observed), re.DOTALL) is not None


def _kind(value: JsonValue) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"


def same(left: JsonValue, right: JsonValue) -> bool:
    """Whether two values are equal as JSON has it, at every depth."""
    # Python's == takes true for 1, at every depth.
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return _kind(left) == _kind(right) and left == right


def _number(value: JsonValue) -> float:
    # NaN is a string in a record (see model.Json) and so it is no number here either.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{text(value)} is not a number")
    return value


def _string(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{text(value)} is not a string")
    return value


def _items(value: JsonValue) -> Iterable[JsonValue]:
    if not isinstance(value, list | dict):
        raise TypeError(f"{text(value)} is not a collection")
    return value
