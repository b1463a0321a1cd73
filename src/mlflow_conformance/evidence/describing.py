# SPDX-License-Identifier: Apache-2.0
"""Observations and bounds as a person writes them."""

import json

from pydantic import JsonValue

from mlflow_conformance.core.brevity import counted, one_line
from mlflow_conformance.evidence.model import Bound, Observation

_WORDS = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥", "in": "one of", "contains": "containing"}


def describe(observation: Observation) -> str:
    """One observation in one line: what was seen and what was promised."""
    seen = f"{observation.name}: {_with_unit(observation.observed, observation.unit)}"
    if observation.bound is None:
        return one_line(seen)
    return one_line(f"{seen}, promised {promised(observation.bound, observation.unit)}")


def promised(bound: Bound, unit: str = "", *, limit: int = 120) -> str:
    """A bound as a person writes it, for example ``≤ 2 s``, `counted` to `limit` characters."""
    word = _WORDS.get(bound.op, bound.op)
    return f"{word} {_with_unit(bound.value, unit, limit)}"


def _with_unit(value: JsonValue, unit: str, limit: int = 120) -> str:
    return f"{text(value, limit)} {unit}".rstrip()


def text(value: JsonValue, limit: int = 120) -> str:
    """A JSON value for people: a string as it is, the rest as JSON, of at most `limit` characters.

    Of what is longer it says how many characters are left out.
    """
    told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return counted(told, limit)
