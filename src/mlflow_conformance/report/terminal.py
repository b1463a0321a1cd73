# SPDX-License-Identifier: Apache-2.0
"""The verdict table for a terminal: the one line a person needs first, then every check."""

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mlflow_conformance.core.brevity import brief, cut
from mlflow_conformance.evidence.score import Score, score, times
from mlflow_conformance.evidence.verdict import RunVerdict, Verdict
from mlflow_conformance.report import mutant_words, words
from mlflow_conformance.report.screen import printed

_STYLES = {
    Verdict.FAIL: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.WAIVED: "magenta",
    Verdict.PASS: "green",
}


def render(run: RunVerdict, *, width: int = 80, color: bool = False) -> str:
    """The headline, the table of checks, those of mutants, and the times of the steps.

    Args:
        width: columns of the terminal.
        color: with ANSI colours; the words say the same without.
    """
    return printed(_parts(run), width=width, color=color)


def _parts(run: RunVerdict) -> Iterator[RenderableType]:
    yield Text(words.headline(run), style=_STYLES[run.verdict])
    if run.checks:
        yield _checks(run)
    if run.mutations:
        yield _mutants(run)
        found = score(run)
        yield Text(words.score(found))
        yield _scores(found)
        yield Text(mutant_words.times(times(run)))
        yield Text(mutant_words.codes(run))
    if run.unnoticed:
        yield _unnoticed(run)
    if run.phases:
        yield _steps(run)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    for name in columns:
        last = name == "Time"
        table.add_column(name, justify="right" if last else "left", no_wrap=last, overflow="fold")
    return table


def _checks(run: RunVerdict) -> Table:
    table = _table("ID", "Verdict", "What", "Reason", "Time")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    table.columns[2].ratio, table.columns[3].ratio = 2, 3
    for check in run.checks:
        time = words.duration(check.check.duration_s) if check.check else "-"
        table.add_row(
            Text(words.line(check.id)),
            Text(check.verdict, style=_STYLES[check.verdict]),
            Text(cut(words.line(words.title(check)), 200)),
            Text(brief(words.line(check.reason))),
            Text(time),
        )
    return table


def _mutants(run: RunVerdict) -> Table:
    table = _table("Mutant", "Check", "Verdicts", "Because", "Outcome", "Time")
    for m in run.mutations:
        alive = m in run.survivors
        table.add_row(
            Text(words.line(m.mutant)),
            Text(words.line(m.check)),
            Text(words.line(f"{m.healthy} → {m.mutated}")),
            Text(words.line(", ".join(m.because))),
            Text(words.fate(m, alive=alive), style=_STYLES[Verdict.FAIL] if alive else ""),
            Text(words.duration(m.duration_s)),
        )
    return table


def _unnoticed(run: RunVerdict) -> Table:
    table = _table("Change that no check noticed", "Checks", "Time")
    for c in run.unnoticed:
        table.add_row(
            Text(words.line(c.breaks)),
            Text(words.line(", ".join(c.checks) or words.candidate_fate(c))),
            Text(words.duration(c.duration_s)),
        )
    return table


def _scores(found: Score) -> Table:
    table = _table("Check", "Killed", "Observations", "Not shown to be able to break")
    table.columns[-1].ratio = 1
    for check in found.checks:
        shown = len(check.observations) - len(check.unshown)
        table.add_row(
            Text(words.line(check.check)),
            Text(f"{check.killed} of {check.mutants}"),
            Text(f"{shown} of {len(check.observations)}"),
            Text(words.line(", ".join(check.unshown))),
        )
    return table


def _steps(run: RunVerdict) -> Text:
    steps = Text("Steps: ")
    for phase in run.phases:
        style = _STYLES[Verdict.FAIL] if phase.outcome == "failed" else ""
        outcome = "" if phase.outcome == "done" else f" ({phase.outcome})"
        steps.append(
            f"{words.line(phase.name)} {words.duration(phase.duration_s)}{outcome}, ", style
        )
    steps.append(f"in all {words.duration(words.total_seconds(run))}")
    return steps
