# SPDX-License-Identifier: Apache-2.0
"""Alert rules broken in every way in which such rules are got wrong, for tests that must notice."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

Rule = Mapping[str, Any]

_TOKEN = re.compile(
    r"""
    (?P<matchers>\{[^}]*\}) | (?P<window>\[[^]]*\]) | (?P<text>"[^"]*")
    | (?P<word>[a-zA-Z_:][\w:]*) | (?P<number>\d+(?:\.\d+)?) | (?P<comparison>[=!<>]=|[<>])
    | (?P<space>\s+) | (?P<sign>.)
    """,
    re.VERBOSE,
)
_TURNED = {"==": "!=", "!=": "==", ">": "<", "<": ">", ">=": "<=", "<=": ">="}
_SETS = {"or", "and", "unless"}
_NOT_METRICS = re.compile(
    r"by|on|ignoring|group_left|group_right|without|bool|offset|or|and|unless"
)

Token = tuple[str, str]


def tokens(expression: str) -> list[Token]:
    """Kind and text of each part of a query."""
    return [(str(found.lastgroup), found.group()) for found in _TOKEN.finditer(expression)]


def metrics(expression: str) -> set[str]:
    """The metrics that a query reads."""
    parts = tokens(expression)
    return {parts[i][1] for i in _metric_positions(parts)}


def broken(rule: Rule) -> Iterator[tuple[str, Rule | None]]:
    """What is broken, and the rule so broken; None for the rule left out."""
    yield "there is no such rule", None
    if "for" in rule:
        yield "fires at once", {k: v for k, v in rule.items() if k != "for"}
        yield "fires late", {**rule, "for": f"{3 * _minutes(rule['for'])}m"}
    else:
        yield "fires late", {**rule, "for": "15m"}
    severity = {"severity": "warning" if rule["labels"]["severity"] == "critical" else "critical"}
    yield "another severity", {**rule, "labels": severity}
    for said, expression in _expressions(rule["expr"]):
        yield said, {**copy.deepcopy(dict(rule)), "expr": expression}


def _minutes(duration: str) -> int:
    return int(duration.removesuffix("m"))


def _expressions(expression: str) -> Iterator[tuple[str, str]]:
    parts = tokens(expression)

    def with_part(position: int, text: str) -> str:
        return "".join(text if i == position else part for i, (_, part) in enumerate(parts))

    metric_positions = set(_metric_positions(parts))
    for position, (kind, text) in enumerate(parts):
        if position in metric_positions:
            yield f"reads {text}_x", with_part(position, f"{text}_x")
        elif kind == "matchers":
            for matcher in text[1:-1].split(", "):
                rest = ", ".join(m for m in text[1:-1].split(", ") if m != matcher)
                yield f"not only {matcher}", with_part(position, "{" + rest + "}")
        elif kind == "window":
            window = f"[{6 * _minutes(text[1:-1])}m]"
            yield f"over {window}", with_part(position, window)
        elif kind == "number":
            for factor in (0.75, 1.25) if float(text) else (1.0,):
                number = f"{float(text) * factor:g}" if float(text) else "1"
                yield f"{number} for {text}", with_part(position, number)
        elif kind == "comparison":
            yield f"{_TURNED[text]} for {text}", with_part(position, _TURNED[text])
        elif text in _SETS:
            before, after = _operands(parts, position)
            yield (
                f"without what is before {text} {position}",
                "".join(part for i, (_, part) in enumerate(parts) if i not in before),
            )
            yield (
                f"without what is after {text} {position}",
                "".join(part for i, (_, part) in enumerate(parts) if i not in after),
            )


def _metric_positions(parts: list[Token]) -> Iterator[int]:
    depth_of_labels = None
    depth = 0
    for position, (kind, text) in enumerate(parts):
        following = next((t for k, t in parts[position + 1 :] if k != "space"), "")
        if text == ")":
            depth -= 1
            if depth_of_labels == depth:
                depth_of_labels = None
        elif text == "(":
            depth += 1
        elif kind == "word" and depth_of_labels is None:
            if _NOT_METRICS.fullmatch(text):
                if following == "(" and text not in _SETS:
                    depth_of_labels = depth
            elif following != "(" and not _is_aggregation(parts, position):
                yield position


def _is_aggregation(parts: list[Token], position: int) -> bool:
    return parts[position][1] in {"sum", "max", "min"}


def _operands(parts: list[Token], position: int) -> tuple[set[int], set[int]]:
    """What stands on either side of a set operator; each with the operator and its `on (…)`."""
    operator = {position}
    after = position + 1
    rest = [i for i in range(after, len(parts)) if parts[i][0] != "space"]
    if len(rest) > 1 and parts[rest[0]][1] == "on":
        closing = next(i for i in rest if parts[i][1] == ")")
        operator |= set(range(after, closing + 1))
        after = closing + 1

    def reach(steps: range, opening: str, closing: str) -> Iterator[int]:
        depth = 0
        for i in steps:
            text = parts[i][1]
            depth += (text == opening) - (text == closing)
            if depth < 0 or (depth == 0 and text in _SETS):
                return
            yield i

    left = set(reach(range(position - 1, -1, -1), ")", "("))
    right = set(reach(range(after, len(parts)), "(", ")"))
    return left | operator, right | operator
