# SPDX-License-Identifier: Apache-2.0
"""The latency report: the page, and the files beside it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mlflow_conformance.evidence.model import Expected, RunEnded
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.evidence.verdict import judge
from mlflow_conformance.latency.judging import checks_of, judged
from mlflow_conformance.latency.measuring import Measured
from mlflow_conformance.latency.thresholds import LATENCY, Latency
from mlflow_conformance.load import export
from mlflow_conformance.load.budget import ErrorBudget, spend
from mlflow_conformance.load.document import Band, LoadDocument
from mlflow_conformance.load.records import Record
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.report import latency as report
from mlflow_conformance.report.plot import seconds


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
    row = run.row(LATENCY, Latency)
    budgets = _budgets(measured.recorded, row)
    return LoadDocument(
        result=measured.result,
        budgets=budgets,
        bands=list(_alerts(budgets)),
        series=list(measured.series),
        bound_s=row.each_operation_s.get("p95"),
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


def _budgets(recorded: RunRecord, row: Latency) -> list[ErrorBudget]:
    budgets: list[ErrorBudget] = []
    bound = row.each_operation_s.get("p95")
    if row.errors:
        budgets.append(spend(recorded, "answered without error", 1 - row.errors, _failed))
    if bound is not None:
        limit = bound * 1_000_000

        def slow(record: Record) -> bool:
            return _failed(record) or record.latency_us > limit

        budgets.append(spend(recorded, f"answered within {seconds(bound)}", 0.95, slow))
    return budgets


def _alerts(budgets: Sequence[ErrorBudget]) -> Iterator[Band]:
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
