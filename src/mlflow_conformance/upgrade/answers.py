# SPDX-License-Identifier: Apache-2.0
"""What an answer holds of what was written: pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import error_of
from mlflow_conformance.upgrade.things import ReadBack

_NAMES = ("key", "name", "assessment_name", "span_id", "run_id", "trace_id", "model_id", "version")
_SHOWN = 80


def unlike(reading: ReadBack, reply: Reply) -> list[str]:
    """Where a reply does not hold what was written; empty when it holds all of it."""
    if reading.status is None and reply.status >= 400:
        return []
    if reply.status != reading.status:
        code, message = error_of(reply)
        said = brief(f"HTTP {reply.status} {code} {message}")
        wanted = "" if reading.status == 200 else f", not HTTP {reading.status or 'refused'}"
        return [f"{reading.call}: {said}{wanted}"]
    if reading.status != 200 or reading.says is None:
        return []
    if isinstance(reading.says, str) and not reading.at:
        return [] if reply.text == reading.says else [f"{reading.call}: {_short(reply.text)}"]
    try:
        found = part_of(reply.json(), reading.at)
    except ValueError:
        return [f"{reading.call}: the answer is no JSON"]
    return [f"{reading.call}: {text}" for text in lacking(reading.says, found, reading.at)]


def part_of(answer: Any, path: str) -> Any:
    """What keys, separated by dots, lead to; None where one of them is missing."""
    for key in filter(None, path.split(".")):
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    return answer


def lacking(wanted: JsonValue, found: Any, where: str = "") -> list[str]:
    """What of `wanted` is not in `found`, field by field.

    An object may have keys, and a list entries, that nobody asked for: a newer version may say
    more. Integers may be written as text, as protobuf's JSON does with those of 64 bits.
    """
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return [
            text
            for key, value in wanted.items()
            for text in lacking(value, found.get(key), _below(where, key))
        ]
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        entries = found if isinstance(found, Sequence) and not isinstance(found, str) else []
        return list(_entries(wanted, entries, where))
    if _same(wanted, found):
        return []
    seen = "not there" if found is None else _short(found)
    return [f"{where}: {seen}, written was {_short(wanted)}"]


def _entries(wanted: Sequence[JsonValue], found: Sequence[Any], where: str) -> Iterator[str]:
    for entry in wanted:
        own = next((n for n in _NAMES if isinstance(entry, Mapping) and n in entry), None)
        if own is None or not isinstance(entry, Mapping):
            if not any(not lacking(entry, other) for other in found):
                yield f"{where}: {_short(entry)} is not there"
            continue
        named = [o for o in found if isinstance(o, Mapping) and _same(entry[own], o.get(own))]
        told = [lacking(entry, other, f"{where}[{entry[own]}]") for other in named]
        if not told:
            yield f"{where}[{entry[own]}]: not there"
        elif all(told):
            yield from min(told, key=len)


def _same(wanted: JsonValue, found: Any) -> bool:
    if found is None:
        return wanted in (None, "")  # MLflow leaves out what is empty
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    if isinstance(wanted, int) and isinstance(found, str):
        return str(wanted) == found
    return bool(wanted == found)


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
