# SPDX-License-Identifier: Apache-2.0
"""Where the time of a run went: its phases and its checks, as spans from its start to its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mlflow_conformance.evidence.verdict import RunVerdict, Verdict
from mlflow_conformance.report import words


@dataclass(frozen=True)
class Bar:
    """A span on the time line, in per mille of the whole run; a check's has its verdict."""

    start: float
    width: float
    verdict: Verdict | None = None


@dataclass(frozen=True)
class TimeLineRow:
    """One row of the time line."""

    name: str
    detail: str
    outcome: str
    started: datetime
    seconds: float
    bars: Sequence[Bar]


def steps(run: RunVerdict) -> list[TimeLineRow]:
    """The phases, and all checks in one row of their own, in the order in which they began."""
    found = [
        TimeLineRow(
            name=p.name,
            # The detail of a failed step is told at the top of the page.
            detail="" if p.outcome == "failed" else p.detail,
            outcome=p.outcome,
            started=p.started,
            seconds=p.duration_s,
            bars=[_bar(run, p.started, p.duration_s)],
        )
        for p in run.phases
    ]
    records = [(c.check, c.verdict) for c in run.checks if c.check]
    if records:
        found.append(
            TimeLineRow(
                name="checks",
                detail="each in the colour of its verdict",
                outcome=f"{len(records)} reported",
                started=min(r.started for r, _ in records),
                seconds=sum(r.duration_s for r, _ in records),
                bars=[_bar(run, r.started, r.duration_s, verdict) for r, verdict in records],
            )
        )
    return sorted(found, key=lambda s: s.started)


def _bar(run: RunVerdict, at: datetime, seconds: float, verdict: Verdict | None = None) -> Bar:
    total = words.total_seconds(run) or 1.0
    start = min(max((at - run.run.started).total_seconds() / total, 0.0), 1.0)
    # Never thinner than can be seen, never over the end.
    width = min(max(seconds / total, 0.004), 1.0)
    return Bar(round(1000 * min(start, 1.0 - width), 1), round(1000 * width, 1), verdict)
