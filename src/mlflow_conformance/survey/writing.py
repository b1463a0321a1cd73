# SPDX-License-Identifier: Apache-2.0
"""The profile of a deployment, as a person would have written it."""

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import yaml

from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.survey.found import Blank, Survey

_WIDTH = 100
_FLOW_UP_TO = 88
_LABELS = ("selector", "labels", "pod_labels")
_MANY = 6
"""More checks than that are named by their families."""


def profile_text(
    name: str,
    base: str,
    found: Survey,
    rows: Mapping[str, Mapping[str, Any]],
    fixtures: Mapping[str, Collection[str]],
) -> str:
    """A profile, YAML with comments.

    Args:
        rows: the thresholds of every check that the base has, by its ID.
        fixtures: that each check asks for, by its ID.
    """
    without = without_of(found, rows, fixtures)
    expected = [i for i in rows if i not in without and prefix_of(i) not in without]
    lines = [
        "# What `mlflow-conformance init` found. docs/profiles.md explains every key.",
        "schema: 1",
        f"name: {_scalar(name)}",
        f"extends: {base}",
        "names:",
    ]
    keys = dict.fromkeys([*found.names, *(g.key for g in found.gaps)])
    for key in keys:
        if key in found.names:
            lines += _entry(key, found.names[key], 2)
        for gap in (g for g in found.gaps if g.key == key):
            lines += _comment(gap, expected, fixtures)
    stated = {i: own for i in expected if (own := _own(found.rows.get(i, {}), rows[i]))}
    if stated or found.more:
        lines.append("checks:")
        seen: dict[int, str] = {}
        for check_id, thresholds in stated.items():
            lines += _row(check_id, thresholds, seen)
        for check_id, row in found.more.items():
            lines += _entry(check_id, row, 2)
    if without:
        lines.append("without:")
        for names, reason in together(without):
            lines += _left_out(names, reason)
    return "\n".join(lines) + "\n"


def _own(thresholds: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Those that the base has otherwise."""
    return {k: v for k, v in thresholds.items() if k not in base or base[k] != v}


def without_of(
    found: Survey, rows: Collection[str], fixtures: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """What is left out of a base, by ID, and a family whole where all of it is left out."""

    def reason_of(check_id: str) -> str | None:
        asked = (found.closed[f] for f in fixtures.get(check_id, ()) if f in found.closed)
        own = found.absent.get(check_id) or found.absent.get(prefix_of(check_id))
        return own or next(asked, None)

    gone = {i: reason for i in rows if (reason := reason_of(i))}
    without: dict[str, str] = {}
    for check_id, reason in gone.items():
        family = prefix_of(check_id)
        whole = [i for i in rows if prefix_of(i) == family]
        if len(whole) > 1 and all(gone.get(i) == reason for i in whole):
            without[family] = reason
        elif family not in without:
            without[check_id] = reason
    return without


def together(without: Mapping[str, str]) -> Iterator[tuple[Sequence[str], str]]:
    """What is left out for one reason, and that reason."""
    for reason in dict.fromkeys(without.values()):
        yield [name for name, why in without.items() if why == reason], reason


def _left_out(names: Sequence[str], reason: str) -> list[str]:
    key, said = f"  {', '.join(names)}:", _scalar(reason)
    return [f"{key} {said}"] if len(key) + len(said) < _WIDTH else [key, f"    {said}"]


def _entry(key: str, value: Any, indent: int) -> list[str]:
    """A key with what it holds: in one line where there is room."""
    margin = " " * indent
    line = f"{margin}{key}: {_flow(value)}"
    if not isinstance(value, dict) or len(line) <= _FLOW_UP_TO:
        return [line]
    if all(isinstance(v, str) for v in value.values()) and key in _LABELS:
        return textwrap.wrap(
            line, _WIDTH, subsequent_indent=f"{margin}  ", break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
    below = (line for k, v in value.items() for line in _entry(k, v, indent + 2))
    return [f"{margin}{key}:", *below]


def _row(check_id: str, thresholds: Mapping[str, Any], seen: dict[int, str]) -> list[str]:
    """A row; a value that stands above already is named rather than repeated."""
    plain = {k: v for k, v in thresholds.items() if id(v) not in seen}
    named = {k: seen[id(v)] for k, v in thresholds.items() if id(v) in seen}
    line = f"  {check_id}: {_flow({'thresholds': plain})}"
    if not named and len(line) <= _FLOW_UP_TO:
        return [line]
    if not plain:
        inner = ", ".join(f"{key}: *{anchor}" for key, anchor in named.items())
        return [f"  {check_id}: {{thresholds: {{{inner}}}}}"]
    lines = [f"  {check_id}:", "    thresholds:"]
    lines += [f"      {key}: *{anchor}" for key, anchor in named.items()]
    for key, value in plain.items():
        entry = _entry(key, value, 6)
        if isinstance(value, dict) and len(entry) > 1:
            anchor = seen[id(value)] = f"{key}_of_{check_id.lower().replace('-', '_')}"
            entry[0] += f" &{anchor}"
        lines += entry
    return lines


def _comment(
    gap: Blank, expected: Sequence[str], fixtures: Mapping[str, Collection[str]]
) -> Iterator[str]:
    asking = [i for i in expected if not set(gap.doors).isdisjoint(fixtures.get(i, ()))]
    lost = f" Without it {listed(asking, expected)} stay unknown." if asking else ""
    why = f"{gap.why[:1].upper()}{gap.why[1:]}.{lost}"
    yield from (f"  # {line}" for line in textwrap.wrap(why, _WIDTH - 4))
    yield f"  # {gap.line}"


def listed(checks: Sequence[str], of: Sequence[str]) -> str:
    """Checks in a few words: by their families, where all of it or many are meant."""
    if len(checks) <= _MANY:
        return ", ".join(checks)
    words = []
    for family in dict.fromkeys(map(prefix_of, checks)):
        mine = [i for i in checks if prefix_of(i) == family]
        all_ = [i for i in of if prefix_of(i) == family]
        words.append(f"{len(mine)} of {family}" if len(mine) < len(all_) else f"all {family}")
    return ", ".join(words)


def _flow(value: Any) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _scalar(text: str) -> str:
    return _flow(text)
