# SPDX-License-Identifier: Apache-2.0
"""Reports: pure functions of an evidence log and the files that it names, made again any time."""

from pathlib import Path

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.load.document import LoadDocument
from mlflow_conformance.report import (
    alert_page,
    courses,
    dashboard_page,
    dashboards,
    html,
    junit,
    latency,
    pictures,
    summary,
    verdict_document,
)
from mlflow_conformance.report.attached import records
from mlflow_conformance.report.disruptions import TIME_LINE, TIME_LINE_RECORD, on_time_line
from mlflow_conformance.report.files import replace


def write_all(log_path: Path) -> RunVerdict:
    """Write report.html, junit.xml, summary.md and verdict.json beside a log; return its verdict.

    A run with faults gets disruption.html as well: its load with a band for each fault; one with
    alerts that were made to fire gets alerts.html: each over the time line of its fault; one that
    looked at dashboards gets dashboards.html: a picture of each.

    A reader never sees half a file: each appears whole, or the one before stays.

    Raises:
        Unusable: the log is not the evidence of one run, or the reports cannot be written.
    """
    run = recorded(log_path)
    folder = log_path.parent
    for name, content in (
        ("report.html", html.render(run, pictures.of_run(run, folder))),
        ("junit.xml", junit.render(run)),
        ("summary.md", summary.render(run)),
        ("verdict.json", verdict_document.render(run)),
    ):
        replace(folder / name, content)
    _write_time_line(run, folder)
    if told := records(run, folder, courses.RECORD, courses.CourseRecord):
        part = run.part([each.judged for each in told])
        replace(folder / courses.PAGE, alert_page.render(part, told))
    if shown := records(run, folder, dashboards.RECORD, dashboards.DashboardsRecord):
        part = run.part([each.judged for each in shown])
        replace(folder / dashboards.PAGE, dashboard_page.render(part, shown))
    return run


def _write_time_line(run: RunVerdict, folder: Path) -> None:
    """disruption.html, where the run kept what its load saw of the faults."""
    record = folder / TIME_LINE_RECORD
    if not record.is_file():
        return
    try:
        document = LoadDocument.model_validate_json(record.read_bytes())
    except (OSError, ValueError) as problem:
        raise Unusable(
            f"{record} is no record of load under faults: {brief(str(problem))}",
            remedy="Use the file as the run wrote it, or remove it to do without the time line",
        ) from problem
    part = run.part(on_time_line(run))
    replace(
        folder / TIME_LINE, latency.render(part, document, title="time line of faults", whole=False)
    )
