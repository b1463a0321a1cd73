# SPDX-License-Identifier: Apache-2.0
"""Alerts over the time line of their fault: what a reader must see, from a record of a run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.model import Observation
from mlflow_conformance.evidence.verdict import RunVerdict, judge
from mlflow_conformance.report import alert_page, write_all
from mlflow_conformance.report.attached import records
from mlflow_conformance.report.courses import MOST_SLICES, PAGE, RECORD, CourseRecord
from mlflow_conformance.report.html import render
from pages import Page
from recorded_run import write_run

PATH = "attachments/OBS-2.down-alerts-over-time.json"
WRITTEN: dict[str, Any] = {
    "schema_version": "1",
    "fault": "MLflow has <no> pod",
    "started": "2026-01-01T00:00:00Z",
    "made_s": 10.0,
    "undoing_s": 60.0,
    "over_s": 80.0,
    "until_s": 100.0,
    "alerts": [
        {
            "alert": "MLflowDown",
            "pending_s": 20.0,
            "fired_s": 40.0,
            "arrived_s": 50.0,
            "resolved_s": 90.0,
        },
        {
            "alert": "Deaf",
            "pending_s": None,
            "fired_s": None,
            "arrived_s": None,
            "resolved_s": None,
        },
    ],
    "slice_s": 10.0,
    "load": [
        {"at_s": 10.0, "sent": 20, "failed": 20, "p50_s": 0.001, "max_s": 0.01},
        {"at_s": 80.0, "sent": 10, "failed": 0, "p50_s": 0.02, "max_s": 1.0},
    ],
}
"""What a run writes: a change of it is one of the evidence's form, and needs another version."""
TOLD = {
    "alert": "MLflowDown", "fault": "MLflow has <no> pod", "for_s": 300, "hurried_s": 15,
    "pending_s": 10, "fired_s": 30, "arrived_s": 40, "lasted_s": 70, "resolved_s": 10,
}  # fmt: skip


def run_in(folder: Path, written: Any, *, told: Any = None) -> Path:
    return write_run(
        folder, "OBS-2.down", RECORD, PATH, written,
        Observation(name="alert", observed=told or TOLD), silent=("NET-1",),
    )  # fmt: skip


def page_of(folder: Path, written: Any = None) -> str:
    write_all(run_in(folder, written or WRITTEN))
    return (folder / PAGE).read_text()


def shape(page: Page, kind: str) -> dict[str, str]:
    return next(given for name, given in page.shapes if name == kind and "x" in given)


def test_the_form_of_the_record_is_the_one_that_is_read() -> None:
    record = CourseRecord.model_validate(WRITTEN)
    assert record.model_dump(mode="json") == WRITTEN
    # Another key, name or version is another form: write down here what a run then writes.
    many = [WRITTEN["load"][0]] * (MOST_SLICES + 1)
    others: list[dict[str, Any]] = [{"schema_version": "2"}, {"more": 1}, {"load": many}]
    for changed in others:
        with pytest.raises(ValueError, match="validation error"):
            CourseRecord.model_validate({**WRITTEN, **changed})


def test_fault_alerts_and_requests_lie_on_one_time_line(tmp_path: Path) -> None:
    text = page_of(tmp_path)
    page = Page(text)
    fault, pending, firing = (shape(page, kind) for kind in ("fault", "pending", "firing"))
    assert (float(fault["x"]), float(fault["width"])) == (100, 500)
    assert (float(pending["x"]), float(pending["width"])) == (200, 200)
    assert (float(firing["x"]), float(firing["width"])) == (400, 500)
    assert [g["d"] for k, g in page.shapes if k == "arrived"][1:] == ["M500.0 0V20"]
    assert [g["d"] for k, g in page.shapes if k == "resolved"][1:] == ["M900.0 0V20"]
    failed = next(g["d"] for k, g in page.shapes if k == "failed" and "V" in g["d"])
    assert failed == "M100.0 100V10.0H200.0V100Z"
    assert re.search(r'class="band" style="left:10\.0%;width:50\.0%"', text)


def test_it_says_in_words_what_it_draws(tmp_path: Path) -> None:
    page = Page(page_of(tmp_path))
    assert page.silent == 0
    told = "\n".join(page.labels)
    assert "MLflow has <no> pod" in told
    assert (
        "MLflowDown: pending after 20.0 s; fired after 40.0 s; arrived at the receiver after "
        "50.0 s; resolved there after 1 min 30 s"
    ) in told
    assert "Deaf: fired never" in told
    assert "30 requests, 20 failed" in told
    assert "the slowest took 1.00 s" in told


def test_nothing_is_loaded_and_all_is_escaped(tmp_path: Path) -> None:
    text = page_of(tmp_path)
    assert Page(text).loaded == []
    assert "default-src 'none'" in text
    assert "<no>" not in text
    assert "MLflow has &lt;no&gt; pod" in text


def test_without_requests_it_says_so(tmp_path: Path) -> None:
    assert "No requests were sent meanwhile" in page_of(tmp_path, {**WRITTEN, "load": []})


def test_a_fault_that_never_ended_goes_on_to_the_edge(tmp_path: Path) -> None:
    alerts = [{**WRITTEN["alerts"][0], "resolved_s": None}]
    text = page_of(tmp_path, {**WRITTEN, "undoing_s": None, "over_s": None, "alerts": alerts})
    page = Page(text)
    assert float(shape(page, "fault")["width"]) == 900
    assert float(shape(page, "firing")["width"]) == 600
    assert "<strong>never</strong>" in text


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({**WRITTEN, "schema_version": "2"}, "is of a form that this version does not read"),
        ([1], "is of a form that this version does not read"),
    ],
)
def test_a_record_of_another_form_is_told(tmp_path: Path, written: Any, said: str) -> None:
    text = page_of(tmp_path, written)
    assert "No picture" in text
    assert said in text


def test_a_record_that_was_changed_is_told_and_not_drawn(tmp_path: Path) -> None:
    log = run_in(tmp_path, WRITTEN)
    (tmp_path / PATH).write_text(json.dumps({**WRITTEN, "fault": "another"}))
    write_all(log)
    text = (tmp_path / PAGE).read_text()
    assert "is not the file that the run wrote" in text
    assert "another" not in text


def test_the_report_draws_each_from_when_its_fault_was_in_effect(tmp_path: Path) -> None:
    write_all(run_in(tmp_path, WRITTEN))
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    assert f'href="{PAGE}"' in text
    assert any("MLflowDown: pending after 10.0 s; fired after 30.0 s" in t for t in page.labels)
    lane = [(k, float(g["x"])) for k, g in page.shapes if k in ("fault", "firing") and "x" in g]
    assert lane[0] == ("fault", 0)
    # 80 seconds and a little are the whole axis.
    assert lane[1][1] == pytest.approx(1000 * 30 / 81.6, abs=0.1)


def test_a_run_that_did_not_say_how_long_a_fault_was_has_the_table_alone(tmp_path: Path) -> None:
    old = {k: v for k, v in TOLD.items() if k not in ("pending_s", "lasted_s")}
    write_all(run_in(tmp_path, WRITTEN, told=old))
    text = (tmp_path / "report.html").read_text()
    assert "Who is told" in text
    assert "From when each fault" not in text


def test_a_run_without_such_records_has_no_such_page(tmp_path: Path) -> None:
    log = run_in(tmp_path, WRITTEN)
    lines = log.read_text().replace(RECORD, "something else")
    log.write_text(lines)
    write_all(log)
    assert not (tmp_path / PAGE).exists()
    assert f'href="{PAGE}"' not in (tmp_path / "report.html").read_text()


def test_pages_are_the_same_whenever_they_are_made(tmp_path: Path) -> None:
    run: RunVerdict = judge_of(tmp_path)
    found = records(run, tmp_path, RECORD, CourseRecord)
    assert alert_page.render(run, found) == alert_page.render(run, found)
    assert render(run) == render(run)


def judge_of(folder: Path) -> RunVerdict:
    return judge(read(run_in(folder, WRITTEN)))
