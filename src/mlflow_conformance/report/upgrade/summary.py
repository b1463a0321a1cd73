# SPDX-License-Identifier: Apache-2.0
"""summary.md of an upgrade for a CI page: the decision, why, what changed, what took how long."""

from collections.abc import Iterator

from mlflow_conformance.evidence.upgrade import Compared, UpgradeVerdict
from mlflow_conformance.evidence.verdict import Judged, Verdict
from mlflow_conformance.report import words
from mlflow_conformance.report.summary import MARKS, details, safe, table
from mlflow_conformance.report.upgrade.telling import about, areas, headline

_DETAIL = 2000


def render(verdict: UpgradeVerdict) -> str:
    """GitHub-flavoured Markdown; nothing of the evidence can act as markup, link or mention."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: UpgradeVerdict) -> Iterator[str]:
    run = verdict.run
    yield f"## {MARKS[verdict.as_verdict]} {safe(headline(verdict), _DETAIL)}"
    yield ""
    yield " · ".join(
        (
            f"profile {safe(run.run.profile)}",
            words.duration(words.total_seconds(run)),
            f"seed {run.run.seed}",
            f"run {safe(run.run.run_id)}",
        )
    )
    if verdict.causes:
        yield from ("", "### Why", "", "| | What | What to do |", "|---|---|---|")
        for cause in verdict.causes:
            told = f"**{safe(about(cause))}** {safe(cause.reason)}"
            yield f"| {cause.decision} | {told} | {safe(cause.remedy)} |"
    yield from ("", "### The upgrade")
    yield from ("", "| Area | Verdict | Checks |", "|---|---|---|")
    for area in areas(verdict):
        ids = ", ".join(safe(c.id) for c in area.checks)
        yield f"| {area.name} | {MARKS[area.verdict]} {area.verdict} | {ids} |"
    yield from _compared(verdict)
    if verdict.times:
        yield from ("", "### Times", "", "| Check | What | Time |", "|---|---|---:|")
        for time in verdict.times:
            yield f"| {safe(time.check)} | {safe(time.name)} | {words.duration(time.seconds)} |"
    if verdict.not_tried:
        yield from ("", "### Not tried", "")
        yield from (f"- {safe(each, _DETAIL)}" for each in verdict.not_tried)
    bad = [c for c in verdict.checks if c.verdict is not Verdict.PASS]
    if bad:
        yield from table(bad)
        for judged in bad:
            yield from details(judged)


def _compared(verdict: UpgradeVerdict) -> Iterator[str]:
    compared = verdict.compared
    if not compared:
        return
    before, after = map(safe, verdict.sides)
    changed = [c for c in compared if c.changed]
    yield from ("", f"### Checks on {before} and on {after}", "")
    if not changed:
        yield f"All {len(compared)} have the same verdict on both."
        return
    yield f"{len(compared) - len(changed)} of {len(compared)} have the same verdict on both."
    yield from ("", f"| ID | {before} | {after} | Reason |", "|---|---|---|---|")
    yield from (_row(each) for each in changed)


def _row(compared: Compared) -> str:
    reason = safe(compared.after.reason) if compared.after else ""
    sides = f"{_word(compared.before)} | {_word(compared.after)}"
    return f"| {safe(compared.id)} | {sides} | {reason} |"


def _word(judged: Judged | None) -> str:
    return f"{MARKS[judged.verdict]} {judged.verdict}" if judged else "did not run"
