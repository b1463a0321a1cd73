# SPDX-License-Identifier: Apache-2.0
"""The SLA run: load against a URL, held against what the profile promises."""

import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow_conformance.errors import Undecided, Unusable
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.model import Attachment, Door
from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.load import engine, expectations, export, report, seeding
from mlflow_conformance.load.analysis import SendingLimits, analyse
from mlflow_conformance.load.arrivals import Stage
from mlflow_conformance.load.budget import Budget, spend
from mlflow_conformance.load.document import Band, LoadDocument, Series
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.records import Record
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.load.workload import Workload
from mlflow_conformance.report import write_all
from mlflow_conformance.run import Run
from mlflow_conformance.target.base import HttpDoor

LATENCY = "LAT-1"
OFFERED = "LAT-3"
_JUDGE: dict[str, tuple[Callable[[Evidence, LoadResult, Door], None], str, str, str]] = {
    LATENCY: (
        expectations.expect_latency,
        "Every operation answers in time and without errors",
        "People and jobs wait for the server, or lose what they sent.",
        "Look at the time line: more replicas for a steady slowness, the cause for a spike.",
    ),
    OFFERED: (
        expectations.expect_offered,
        "The load was offered as planned",
        "Nothing is known about the server at this load.",
        "Run the load from a machine with more idle CPU, or with more workers.",
    ),
}
_PAGE = Attachment(name="latency report", path="latency.html", media_type="text/html")


@dataclass(frozen=True)
class SlaLoad:
    """What is to be sent.

    Attributes:
        workers: processes that share the plan; more when one CPU cannot send it in time.
    """

    door: HttpDoor
    workload: Workload
    stages: Sequence[Stage]
    workers: int = 1


def duration(text: str) -> float:
    """Seconds of ``90s``, ``10m`` or ``1.5h``.

    Raises:
        Unusable: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if found is None or not float(found[1]):
        raise Unusable(
            f"{text!r} is no duration", remedy="Give a number with s, m or h, such as 90s or 10m"
        )
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def checks_of(rows: Sequence[str]) -> list[str]:
    """The checks among a profile's rows that this command judges.

    Raises:
        Unusable: there is none, so that the profile promises nothing about latency.
    """
    found = [name for name in rows if name in _JUDGE]
    if LATENCY not in found:
        raise Unusable(
            f"The profile has no row {LATENCY}, so it promises nothing about latency",
            remedy=f"Add {LATENCY} with the thresholds p95_s and errors",
        )
    return found


def run_sla(run: Run, load: SlaLoad, last_good: LoadResult | None = None) -> RunVerdict:
    """Send the load, judge it, and write evidence and every report into the run's folder.

    The run's rows are those of `checks_of`. The folder gets latency.html, latency.json,
    latency.csv, timeline.csv and the records, besides what every run has.

    Args:
        last_good: an earlier result to compare with, from the `result` of a latency.json.

    Raises:
        Unusable: the server does not take the objects that the workload needs, or the folder
            cannot be written.
    """
    folder = run.folder.path
    records = folder / "records"
    records.mkdir(exist_ok=True)
    description = {"kind": "url", "front": load.door.url, "workload": load.workload.name}
    run.log.append(run.started(dict(description)))
    recorded: RunRecord | None = None
    undecided: str | None = None
    try:
        recorded = _send(run, load, records)
    except Undecided as problem:
        undecided = problem.reason
    except KeyboardInterrupt:
        run.interrupted = "stopped by a signal"
        raise
    except Unusable as problem:
        run.interrupted = str(problem)
        raise
    finally:
        if run.interrupted:
            run.ended()
    result = analyse(recorded, _limits(run)) if recorded else None
    for check_id in run.rows:
        _judge(run, check_id, result, undecided)
    run.ended()
    verdict = write_all(run.folder.log)
    if recorded and result:
        write_documents(folder, verdict, document(run, recorded, result, last_good=last_good))
    return verdict


def document(
    run: Run,
    recorded: RunRecord,
    result: LoadResult,
    *,
    bands: Sequence[Band] = (),
    series: Sequence[Series] = (),
    last_good: LoadResult | None = None,
) -> LoadDocument:
    """What the latency report shows besides the verdicts."""
    thresholds = run.rows[LATENCY].thresholds if LATENCY in run.rows else {}
    bound = thresholds.get("p95_s")
    return LoadDocument(
        result=result,
        budgets=_budgets(recorded, thresholds),
        bands=list(bands),
        series=list(series),
        bound_s=float(bound) if isinstance(bound, int | float) else None,
        last_good=last_good,
    )


def write_documents(folder: Path, verdict: RunVerdict, shown: LoadDocument) -> None:
    """latency.html, latency.json, latency.csv and timeline.csv."""
    shown.write(folder / "latency.json")
    for name, text in (
        ("latency.html", report.render(verdict, shown)),
        ("latency.csv", export.operations_csv(shown.result)),
        ("timeline.csv", export.timeline_csv(shown.result)),
    ):
        (folder / name).write_text(text, encoding="utf-8")


def _send(run: Run, load: SlaLoad, records: Path) -> RunRecord:
    api = load.door.api()
    world = World()
    if load.workload.needs_world:
        with run.phase("objects for the load"):
            world = seeding.make(api, f"load-{run.run_id}")
    try:
        plan = LoadPlan(
            url=load.door.url,
            workload=load.workload,
            stages=list(load.stages),
            seed=run.seed,
            workers=load.workers,
            world=world,
            ca_file=load.door.ca_file,
            headers=dict(load.door.headers),
        )
        with run.phase("load") as note, engine.running(plan, records) as going:
            recorded = going.wait()
            note.detail = f"{len(recorded.records)} of {len(recorded.planned_us)} requests"
            return recorded
    finally:
        if world.experiment_id:
            with run.phase("objects removed") as note:
                note.detail = seeding.remove(api, world)


def _judge(run: Run, check_id: str, result: LoadResult | None, undecided: str | None) -> None:
    expect, title, impact, remedy = _JUDGE[check_id]
    row = run.rows[check_id]
    evidence = Evidence(check_id, row.promise, run.folder.path / "attachments", row.thresholds)
    error: str | None = None
    if result is not None:
        evidence.attachments.append(_PAGE)
    try:
        if result is None:
            evidence.undecided(undecided or "nothing was recorded")
        expectations.note_load(evidence, result, "front")
        expect(evidence, result, "front")
    except Undecided as problem:
        undecided = problem.reason
    except Exception:  # noqa: BLE001 - as for every check: recorded, and the verdict is unknown
        error = traceback.format_exc()
    run.log.append(
        evidence.finished(
            title=title,
            nodeid=f"mlflow-conformance sla: {check_id}",
            impact=impact,
            remedy=remedy,
            undecided=undecided,
            error=error,
        )
    )


def _limits(run: Run) -> SendingLimits:
    named = run.rows[OFFERED].thresholds if OFFERED in run.rows else {}
    known = {
        name: float(value)
        for name in ("achieved", "lateness_p99_s")
        if isinstance(value := named.get(name), int | float)
    }
    return SendingLimits(**known)


def _budgets(recorded: RunRecord, thresholds: Any) -> list[Budget]:
    budgets: list[Budget] = []
    errors, bound = thresholds.get("errors"), thresholds.get("p95_s")
    if isinstance(errors, int | float) and errors > 0:
        budgets.append(spend(recorded, "answered without error", 1 - errors, _failed))
    if isinstance(bound, int | float):
        limit = bound * 1_000_000

        def slow(record: Record) -> bool:
            return _failed(record) or record.latency_us > limit

        budgets.append(spend(recorded, f"answered within {report.seconds(bound)}", 0.95, slow))
    return budgets


def _failed(record: Record) -> bool:
    return bool(record.failure)
