# SPDX-License-Identifier: Apache-2.0
"""Holds one load against the rows of a profile that promise something about latency."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.model import Attachment, CheckFinished
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.latency.measuring import Measured
from mlflow_conformance.latency.thresholds import LATENCY, OFFERED, Latency, Sent
from mlflow_conformance.load import expectations

PAGE = Attachment(name="latency report", path="latency.html", media_type="text/html")


@dataclass(frozen=True)
class _Judge:
    """How one check is judged when the command judges it, and what is said of it."""

    expect: Callable[[Evidence, Measured], None]
    title: str
    impact: str
    remedy: str


def expect_latency(evidence: Evidence, measured: Measured) -> None:
    """LAT-1; see `mlflow_conformance.load.expectations.expect_latency`.

    Raises:
        Undecided: as there, or nobody could look whether containers ended.
    """
    row = evidence.row(Latency)
    evidence.attachments.append(PAGE)
    expectations.note_load(evidence, measured.result, "front")
    starved = expectations.note_others(evidence, measured.others_cpu, row.others_cpu)
    if measured.ended is not None:
        evidence.expect(
            "restarted", "containers that ended under the load", list(measured.ended), "==", [],
            door="kubernetes", unless=starved,
        )  # fmt: skip
    expectations.expect_latency(evidence, measured.result, row.bounds, "front", starved)
    if measured.unseen:
        evidence.undecided(measured.unseen)


def expect_offered(evidence: Evidence, measured: Measured) -> None:
    """LAT-3; see `mlflow_conformance.load.expectations.expect_offered`."""
    evidence.attachments.append(PAGE)
    row = evidence.row(Sent)
    expectations.note_load(evidence, measured.result, "front")
    starved = expectations.note_others(evidence, measured.others_cpu, row.others_cpu)
    expectations.expect_offered(evidence, measured.result, row.bounds, "front", starved)


_JUDGE = {
    LATENCY: _Judge(
        expect_latency,
        "Every operation answers in time and without errors",
        "People and jobs wait for the server, or lose what they sent.",
        "Look at the time line: more replicas for a steady slowness, the cause for a spike.",
    ),
    OFFERED: _Judge(
        expect_offered,
        "The server took all the load that was planned, when it was planned",
        "The server holds so many requests open that others cannot even be sent.",
        "See what it waits for; when the sender was late, use a machine with more idle CPU.",
    ),
}


def checks_of(rows: Sequence[str]) -> list[str]:
    """The checks among a profile's rows that this command judges.

    Raises:
        Unusable: there is none, so that the profile promises nothing about latency.
    """
    found = [name for name in rows if name in _JUDGE]
    if LATENCY not in found:
        raise Unusable(
            f"The profile has no row {LATENCY}, so it promises nothing about latency",
            remedy=f"Add {LATENCY} as docs/load.md shows it",
        )
    return found


def judged(
    run: Run, rows: Iterable[str], measured: Measured | None, undecided: str | None = None
) -> Iterator[CheckFinished]:
    """What each of the rows comes to; `undecided` says why nothing was measured."""
    for check_id in rows:
        how = _JUDGE[check_id]
        row = run.loaded.profile.checks[check_id]
        evidence = Evidence(check_id, row.promise, run.folder.path / "attachments", row.thresholds)
        reason, error = undecided, None
        try:
            if measured is None:
                evidence.undecided(undecided or "nothing was recorded")
            how.expect(evidence, measured)
        except Undecided as problem:
            reason = problem.reason
        except Exception:  # noqa: BLE001 - as for every check: recorded, the verdict is unknown
            error = traceback.format_exc()
        yield evidence.finished(
            title=how.title,
            nodeid=f"mlflow-conformance sla: {check_id}",
            impact=how.impact,
            remedy=how.remedy,
            undecided=reason,
            error=error,
        )
