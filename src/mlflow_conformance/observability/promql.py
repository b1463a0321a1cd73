# SPDX-License-Identifier: Apache-2.0
"""The metrics that a query in PromQL names."""

import re

_STRINGS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`")
_LABELS = re.compile(r"\{[^{}]*\}")
_GROUPING = re.compile(
    r"\b(?:by|without|on|ignoring|group_left|group_right)\b\s*\([^()]*\)", re.IGNORECASE
)
_NUMBERS = re.compile(r"\[[^\[\]]*\]|(?<![\w:])[\d.]+(?:e[+-]?\d+|[a-z]+)?", re.IGNORECASE)
_NAME = re.compile(r"[a-zA-Z_:][\w:]*")
_WORDS = {
    "and", "atan2", "bool", "by", "end", "group_left", "group_right", "ignoring", "inf", "nan",
    "offset", "on", "or", "start", "unless", "without",
}  # fmt: skip


def metrics_of(expression: str) -> set[str]:
    """The names of all metrics in an expression (prometheus.io/docs/prometheus/latest/querying).

    What is called is a function or an aggregation, and not a metric.
    """
    text = _STRINGS.sub('""', expression)
    for left_out in (_LABELS, _GROUPING, _NUMBERS):
        text = left_out.sub(" ", text)
    return {
        found[0]
        for found in _NAME.finditer(text)
        if found[0].lower() not in _WORDS and not text[found.end() :].lstrip().startswith("(")
    }
