# SPDX-License-Identifier: Apache-2.0
"""What single values of a manifest or of a configuration may be in place of what they are."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NUMBER = re.compile(r"(?<![\w.:/-])(\d+(?:\.\d+)?)(?=([A-Za-z%]{0,3})(?![\w.:/*-]))")
"""A number that stands alone, its unit apart: no address, port of an address, version or name."""
_WORDS = {"true": "false", "on": "off", "yes": "no"}
_OPPOSITE: Mapping[str, str] = {**_WORDS, **{no: yes for yes, no in _WORDS.items()}}

OTHERS: Mapping[str, str] = {
    "Always": "Never", "Never": "Always", "IfNotPresent": "Always",
    "Allow": "Forbid", "Forbid": "Allow", "Replace": "Allow",
    "RollingUpdate": "Recreate",
    "Prefix": "Exact", "Exact": "Prefix",
    "DoNotSchedule": "ScheduleAnyway", "ScheduleAnyway": "DoNotSchedule",
    "AlwaysAllow": "IfHealthyBudget", "IfHealthyBudget": "AlwaysAllow",
    "OnRootMismatch": "Always", "Max": "Disabled", "Min": "Max", "Honor": "Ignore",
    "In": "NotIn", "NotIn": "In", "TCP": "UDP", "UDP": "TCP", "Retain": "Delete",
    "RuntimeDefault": "Unconfined", "Localhost": "Unconfined",
    "restricted": "privileged", "baseline": "privileged",
    "ClusterIP": "LoadBalancer", "ALL": "NET_RAW",
    "WaitForFirstConsumer": "Immediate", "FallbackToLogsOnError": "File",
}  # fmt: skip
"""A word of one of Kubernetes' own enumerations, and the one that promises less or other."""


def others(value: Any) -> Iterator[tuple[str, Any]]:
    """Other values with the operator that makes them: half, double, flip, other."""
    match value:
        case bool():
            yield "flip", not value
        case int() | float():
            yield from _sized(value)
        case str() if value.lower() in _OPPOSITE:
            yield "flip", _OPPOSITE[value.lower()]
        case str() if value in OTHERS:
            yield "other", OTHERS[value]
        case str():
            yield from _sized_text(value)


def _sized(value: float) -> Iterator[tuple[str, float]]:
    if value == 0:
        yield "one", 1
    elif value > 0:
        whole = isinstance(value, int)
        yield "half", value // 2 if whole else value / 2
        yield "double", value * 2


def _sized_text(text: str) -> Iterator[tuple[str, str]]:
    """A text in which exactly one number stands is sized by it."""
    found = list(_NUMBER.finditer(text))
    if len(found) == 1:
        digits, unit = found[0].groups()
        # Half of one of a unit is no nothing; without a unit it is, for what is counted is whole.
        number = float(digits) if "." in digits or unit else int(digits)
        for operator, other in _sized(number):
            yield operator, f"{text[: found[0].start(1)]}{other:g}{text[found[0].end(1) :]}"
