# SPDX-License-Identifier: Apache-2.0
"""The difference between two runs for a terminal: the one line first, then a table."""

from pathlib import Path

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mlflow_conformance.core.brevity import cut
from mlflow_conformance.evidence.describing import promised, text
from mlflow_conformance.evidence.difference import (
    CheckChange,
    Difference,
    ObservationChange,
    Seen,
    Side,
)
from mlflow_conformance.report import words
from mlflow_conformance.report.files import replace
from mlflow_conformance.report.screen import printed

_NOTHING = "-"
_LONGEST = 160
"""Characters of a sentence or a value."""


def render(found: Difference, *, width: int = 80, color: bool = False) -> str:
    """The two runs, a headline, and what differs.

    Args:
        width: columns of the terminal.
        color: with ANSI colours; the words say the same without.
    """
    parts: list[RenderableType] = [
        Text(headline(found), style="bold red" if found.worse else ""),
        Text(f"Before: {_side(found.before)}\nAfter:  {_side(found.after)}"),
    ]
    if found.checks or found.mutants:
        parts.append(_table(found))
    return printed(parts, width=width, color=color)


def write(found: Difference, path: Path) -> None:
    """Write the difference as JSON, for programs.

    Raises:
        Unusable: it cannot be written.
    """
    replace(path, found.model_dump_json(indent=2) + "\n")


def headline(found: Difference) -> str:
    """``WORSE — 2 checks differ: NET-1, DIS-1.`` or that there is no difference."""
    checks = [c.id for c in found.checks if _differs(c)]
    if not (checks or found.mutants):
        return "WORSE — the run's verdict alone." if found.worse else "NO DIFFERENCE"
    told = []
    if checks:
        verb = "differs" if len(checks) == 1 else "differ"
        told.append(f"{words.plural(len(checks), 'check')} {verb}: {words.listed(checks)}.")
    if found.mutants:
        verb = "fares" if len(found.mutants) == 1 else "fare"
        names = words.listed([m.mutant for m in found.mutants])
        told.append(f"{words.plural(len(found.mutants), 'mutant')} {verb} otherwise: {names}.")
    return words.line(f"{'WORSE' if found.worse else 'DIFFERENT'} — {' '.join(told)}")


def _differs(check: CheckChange) -> bool:
    """Whether more than what was measured is another."""
    merely = bool(check.observations) and all(o.change == "vary" for o in check.observations)
    return check.before != check.after or not merely


def _side(side: Side) -> str:
    at = f"{side.started:%Y-%m-%d %H:%M}"
    return words.line(f"{side.verdict} · {at} · profile {side.profile} · run {side.run_id}")


def _table(found: Difference) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    for name, ratio in (("Check", None), ("What", 3), ("Before", 3), ("After", 3)):
        table.add_column(name, ratio=ratio, no_wrap=ratio is None)
    for check in found.checks:
        _add_check(table, check)
    for mutant in found.mutants:
        table.add_row(
            Text(words.line(mutant.check)),
            Text(words.line(f"mutant {mutant.mutant}")),
            Text(mutant.before or _NOTHING),
            Text(mutant.after or _NOTHING, style="bold red" if mutant.after == "survived" else ""),
        )
    return table


def _add_check(table: Table, check: CheckChange) -> None:
    name = words.line(check.id)
    if (check.before, check.reason_before) != (check.after, check.reason_after) and (
        check.before != check.after or not check.observations
    ):
        table.add_row(
            Text(name),
            Text("verdict"),
            _stands(check.before, check.reason_before),
            _stands(check.after, check.reason_after, "bold red" if check.worse else ""),
        )
        name = ""
    for change in check.observations:
        what = _what(change)
        bad = change.after is not None and change.after.outcome != "holds"
        table.add_row(
            Text(name),
            Text(what),
            Text(_said(change.before)),
            Text(_said(change.after), style="red" if bad else ""),
        )
        name = ""


def _stands(standing: str | None, reason: str, style: str = "") -> Text:
    if standing is None:
        return Text(_NOTHING)
    told = standing if standing == "pass" else f"{standing}: {reason}"
    return Text(cut(words.line(told), _LONGEST), style=style)


def _what(change: ObservationChange) -> str:
    seen = change.after or change.before
    assert seen is not None, "a change is about an observation of one run at least"
    sentence = cut(words.line(seen.sentence), _LONGEST)
    ids = list(dict.fromkeys(s.id for s in (change.before, change.after) if s and s.id))
    return f"{' → '.join(ids)}: {sentence}" if ids else sentence


def _said(seen: Seen | None) -> str:
    if seen is None:
        return _NOTHING
    value = f"{text(seen.observed)} {seen.unit}".rstrip()
    return words.line(f"{seen.outcome}: {value}, promised {promised(seen.bound, seen.unit)}")
