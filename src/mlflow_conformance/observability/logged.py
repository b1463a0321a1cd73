# SPDX-License-Identifier: Apache-2.0
"""What a server's pods wrote, line by line: whether each is a JSON object that says when and what.

A collector such as Fluent Bit or Promtail takes every line for one record. A traceback that is
printed as it is becomes dozens of records of which none can be found by its request.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlflow_conformance.cluster.log_lines import json_object, lines
from mlflow_conformance.core.credentials import Hiding
from mlflow_conformance.observability.thresholds import LineKeys

_YEAR_5138_S = 1e11
_SHOWN = 80
"""Characters of a line that people need to find it."""


@dataclass(frozen=True)
class LoggedText:
    """What one container wrote.

    Attributes:
        pod: its name, for people.
    """

    pod: str
    text: str


@dataclass(frozen=True)
class LineFaults:
    """Lines that no collector can use, as people find them.

    Attributes:
        read: how many lines were looked at.
        known: those that are no JSON object, and known to be none.
        no_object: all others that are none.
        incomplete: objects without a time with its zone, a level or a message, and what is missing.
    """

    read: int
    known: Sequence[str]
    no_object: Sequence[str]
    incomplete: Sequence[str]


def faults(
    logs: Iterable[LoggedText], keys: LineKeys, plain: Sequence[re.Pattern[str]]
) -> LineFaults:
    """The lines that are no record of when something of which weight was said.

    Args:
        plain: what is known to be printed as it is, whole lines.
    """
    hiding = Hiding()
    read = 0
    known: list[str] = []
    no_object: list[str] = []
    incomplete: list[str] = []
    for log in logs:
        for number, line in enumerate(lines(log.text), 1):
            read += 1
            found = json_object(line)
            lacks = _lacks(found, keys) if found is not None else []
            if found is not None and not lacks:
                continue
            # Only of these: a log under load has thousands that are as they must be.
            shown = f"{log.pod}, line {number}: {hiding.line(line)[:_SHOWN]}"
            if found is not None:
                incomplete.append(f"{shown} (without {', '.join(lacks)})")
            elif any(pattern.fullmatch(line) for pattern in plain):
                known.append(shown)
            else:
                no_object.append(shown)
    return LineFaults(read, known, no_object, incomplete)


def tellers(logs: Iterable[LoggedText], key: str, ids: Iterable[str]) -> dict[str, set[str]]:
    """The pods whose lines are about each of some requests.

    Args:
        key: where a line has the request's ID.
    """
    found: dict[str, set[str]] = {number: set() for number in ids}
    for log in logs:
        for line in lines(log.text):
            number = (json_object(line) or {}).get(key)
            if isinstance(number, str) and number in found:
                found[number].add(log.pod)
    return found


def misdated(
    logs: Iterable[LoggedText], keys: LineKeys, sent: Mapping[str, float], clocks_s: float
) -> list[str]:
    """Lines about requests that say another time than that of their request, and by how much.

    Args:
        sent: when each request was sent, seconds since 1970, by its ID.
        clocks_s: by how much clocks may differ, and a line be late, seconds.
    """
    found = []
    for log in logs:
        for number, line in enumerate(lines(log.text), 1):
            held = json_object(line) or {}
            at = _moment(held.get(keys.time))
            about = held.get(keys.id)
            if at is None or not isinstance(about, str) or about not in sent:
                continue
            if abs(at - sent[about]) > clocks_s:
                found.append(f"{log.pod}, line {number}: {at - sent[about]:+.0f} s")
    return found


def _lacks(line: Mapping[str, Any], keys: LineKeys) -> list[str]:
    missing = [] if _moment(line.get(keys.time)) is not None else [keys.time]
    return missing + [key for key in (keys.level, keys.message) if not line.get(key)]


def _moment(value: object) -> float | None:
    """The moment that needs no guess: ISO 8601 with its zone, or a number; seconds since 1970.

    None for what is no such moment. Numbers may count parts of seconds as well.
    """
    if isinstance(value, int | float):
        return None if isinstance(value, bool) else _seconds(value)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


def _seconds(number: float) -> float:
    while abs(number) > _YEAR_5138_S:
        number /= 1000
    return number
