# SPDX-License-Identifier: Apache-2.0
"""Reads what exporters of metrics say, in the text format of Prometheus."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Source: Prometheus documentation, Exposition formats, version 0.0.4.
_SAMPLE = re.compile(
    r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})?[ \t]+(?P<value>\S+)(?:[ \t]+-?\d+)?"
)
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPED = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


@dataclass(frozen=True)
class Sample:
    """One series and its value."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples(text: str) -> Sequence[Sample]:
    """Every sample of an exposition; comments are left out.

    Raises:
        ValueError: a line is no sample.
    """
    found: list[Sample] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _SAMPLE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"no sample of a metric: {line[:200]!r}")
        labels = {
            name: re.sub(r"\\.", _unescaped, value)
            for name, value in _LABEL.findall(match["labels"] or "")
        }
        found.append(Sample(match["name"], labels, float(match["value"])))
    return found


def total(text: str, name: str, **labels: str) -> float | None:
    """The sum of a metric over all of its series with these labels; None when there is none.

    Raises:
        ValueError: the text is no exposition.
    """
    values = [
        sample.value
        for sample in samples(text)
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(values) if values else None


def _unescaped(escape: re.Match[str]) -> str:
    """A character of a label's value; an escape that the format does not know stays as it is."""
    return _ESCAPED.get(escape.group(), escape.group())
