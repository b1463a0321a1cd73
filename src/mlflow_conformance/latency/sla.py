# SPDX-License-Identifier: Apache-2.0
"""The SLA run: load against a URL, held against what the profile promises."""

import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from pydantic import Field, JsonValue

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.model import Attachment, CheckFinished, Door, Expected, RunEnded
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.evidence.verdict import RunVerdict, judge
from mlflow_conformance.load import engine, expectations, export, seeding, workload
from mlflow_conformance.load.analysis import SendingLimits, analyse
from mlflow_conformance.load.arrivals import Step
from mlflow_conformance.load.budget import Budget, spend
from mlflow_conformance.load.document import Band, LoadDocument, Series
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.records import Record
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.report import latency as report
from mlflow_conformance.report import write_all
from mlflow_conformance.target.base import HttpDoor, Target
from mlflow_conformance.target.watch import Watch, series, watching

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
        "The server took all the load that was planned, when it was planned",
        "The server holds so many requests open that others cannot even be sent.",
        "See what it waits for; when the sender was late, use a machine with more idle CPU.",
    ),
}
PAGE = Attachment(name="latency report", path="latency.html", media_type="text/html")


class Offer(Strict):
    """What is to be sent, as the row LAT-1 of a profile writes it down.

    `workers` are processes that share the plan; more when one CPU cannot send it in time. A server
    that keeps `max_in_flight` requests open leaves no room for another, and the load is void.
    """

    workload: str
    rate: float = Field(gt=0, le=20_000, description="arrivals a second")
    duration_s: float = Field(gt=0, le=7 * 86_400)
    workers: int = Field(default=1, ge=1, le=1000)
    max_in_flight: int = Field(default=4000, ge=1)


@dataclass(frozen=True)
class Place:
    """Where the load goes, and what can be seen there meanwhile.

    Attributes:
        watch: looks at replicas and connections while the load goes on; None outside a cluster.
    """

    door: HttpDoor
    watch: Callable[[], AbstractContextManager[Watch]] | None = None

    @classmethod
    def of(cls, target: Target) -> Self:
        """The front door of a target.

        Raises:
            Undecided: it has none.
        """
        watch = partial(watching, target) if target.kube else None
        return cls(target.need_front(), watch)


@dataclass(frozen=True)
class Measured:
    """One load and what came of it."""

    recorded: RunRecord
    result: LoadResult
    series: Sequence[Series] = ()


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


def run_sla(
    run: Run,
    offer: Offer,
    place: AbstractContextManager[Place],
    description: dict[str, JsonValue],
    last_good: LoadResult | None = None,
) -> RunVerdict:
    """Send the load, judge it, and write evidence and every report into the run's folder.

    The run's rows are those of `checks_of`. The folder gets latency.html, latency.json,
    latency.csv, timeline.csv and the records, besides what every run has.

    Args:
        place: where the load goes; entered after the log has begun, and left before it ends.
        description: of the target, for the log; holds no secret.
        last_good: an earlier result to compare with, from the `result` of a latency.json.

    Raises:
        Unusable: the target cannot be had, the server does not take the objects that the workload
            needs, or the folder cannot be written.
    """
    run.log.append(run.started({**description, "workload": offer.workload}))
    measured: Measured | None = None
    undecided: str | None = None
    try:
        with place as there:
            measured = measure(run, offer, there)
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
    for finished in judged(run, run.rows, measured, undecided):
        run.log.append(finished)
    run.ended()
    verdict = write_all(run.folder.log)
    if measured:
        shown = document(run, measured, last_good)
        write_documents(run.folder.path, report.render(verdict, shown), shown)
    return verdict


def measure(run: Run, offer: Offer, place: Place, garbage: list[str] | None = None) -> Measured:
    """Send the load and look on; the records are kept in the run's folder.

    Args:
        garbage: gets the experiment that was loaded, for someone who can remove it for good.

    Raises:
        Undecided: the load did not begin.
        Unusable: the server does not take the objects that the workload needs.
    """
    folder = run.folder.path / "records"
    folder.mkdir(exist_ok=True)
    mixed = workload.load(offer.workload)
    api = place.door.api()
    world = World()
    if mixed.needs_world:
        with run.phase("objects for the load"):
            world = seeding.make(api, f"load-{run.run_id}")
    try:
        plan = LoadPlan(
            url=place.door.url,
            workload=mixed,
            steps=[Step(rate=offer.rate, duration_s=offer.duration_s)],
            seed=run.seed,
            workers=offer.workers,
            max_in_flight=offer.max_in_flight,
            world=world,
            ca_file=place.door.ca_file,
            headers=dict(place.door.headers),
        )
        with ExitStack() as stack:
            note = stack.enter_context(run.phase("load"))
            watch = stack.enter_context(place.watch()) if place.watch else Watch()
            going = stack.enter_context(engine.running(plan, folder))
            recorded = going.wait()
            note.detail = f"{len(recorded.records)} of {len(recorded.planned_us)} requests"
    finally:
        if world.experiment_id:
            if garbage is not None:
                garbage.append(world.experiment_id)
            with run.phase("objects removed") as note:
                note.detail = seeding.remove(api, world)
    return Measured(
        recorded, analyse(recorded, _limits(run)), series(watch, recorded.start.timestamp())
    )


def judged(
    run: Run, rows: Iterable[str], measured: Measured | None, undecided: str | None = None
) -> Iterator[CheckFinished]:
    """What each of the rows comes to; `undecided` says why nothing was measured."""
    for check_id in rows:
        expect, title, impact, remedy = _JUDGE[check_id]
        row = run.loaded.profile.checks[check_id]
        evidence = Evidence(check_id, row.promise, run.folder.path / "attachments", row.thresholds)
        reason, error = undecided, None
        try:
            if measured is None:
                evidence.undecided(undecided or "nothing was recorded")
            evidence.attachments.append(PAGE)
            expectations.note_load(evidence, measured.result, "front")
            expect(evidence, measured.result, "front")
        except Undecided as problem:
            reason = problem.reason
        except Exception:  # noqa: BLE001 - as for every check: recorded, the verdict is unknown
            error = traceback.format_exc()
        yield evidence.finished(
            title=title,
            nodeid=f"mlflow-conformance sla: {check_id}",
            impact=impact,
            remedy=remedy,
            undecided=reason,
            error=error,
        )


def write_page(run: Run, measured: Measured, front: str) -> None:
    """The latency report of a load that is one of many things in a run.

    It tells the verdicts of this load's own checks; the run's report tells all.
    """
    rows = checks_of(list(run.loaded.profile.checks))
    begun = run.started({"front": front})
    expected = [Expected(id=i, promise=run.loaded.profile.checks[i].promise) for i in rows]
    verdict = judge(
        [
            begun.model_copy(update={"expected": expected}),
            *judged(run, rows, measured),
            RunEnded(ended=datetime.now(UTC)),
        ]
    )
    shown = document(run, measured)
    write_documents(run.folder.path, report.render(verdict, shown, whole=False), shown)


def document(run: Run, measured: Measured, last_good: LoadResult | None = None) -> LoadDocument:
    """What the latency report shows besides the verdicts."""
    row = run.loaded.profile.checks.get(LATENCY)
    thresholds = row.thresholds if row else {}
    bound = thresholds.get("p95_s")
    budgets = _budgets(measured.recorded, thresholds)
    return LoadDocument(
        result=measured.result,
        budgets=budgets,
        bands=list(_alerts(budgets)),
        series=list(measured.series),
        bound_s=float(bound) if isinstance(bound, int | float) else None,
        last_good=last_good,
    )


def write_documents(folder: Path, page: str, shown: LoadDocument) -> None:
    """latency.html, latency.json, latency.csv and timeline.csv."""
    shown.write(folder / "latency.json")
    for name, text in (
        ("latency.html", page),
        ("latency.csv", export.operations_csv(shown.result)),
        ("timeline.csv", export.timeline_csv(shown.result)),
    ):
        (folder / name).write_text(text, encoding="utf-8")


def _limits(run: Run) -> SendingLimits:
    row = run.loaded.profile.checks.get(OFFERED)
    named = row.thresholds if row else {}
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


def _alerts(budgets: Sequence[Budget]) -> Iterator[Band]:
    """When an alert on the error budget would have been on."""
    for budget in budgets:
        for kind, alert in zip(("page", "ticket"), budget.alerts, strict=True):
            for start_s, end_s in alert.spans:
                yield Band(
                    name=f"alert: {kind}",
                    start_s=start_s,
                    end_s=end_s,
                    detail=f"budget of what is {budget.name}",
                )


def _failed(record: Record) -> bool:
    return bool(record.failure)
