# SPDX-License-Identifier: Apache-2.0
"""The table of faults and the page with the time line, made from records alone."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import load_records
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import EvidenceLog, read
from mlflow_conformance.evidence.model import (
    Attachment,
    CheckFinished,
    Expected,
    Observation,
    RunEnded,
    RunStarted,
)
from mlflow_conformance.evidence.verdict import judge
from mlflow_conformance.load.analysis import analyse
from mlflow_conformance.load.document import Band, LoadDocument
from mlflow_conformance.report import html, write_all
from mlflow_conformance.report.disruptions import TIME_LINE, TIME_LINE_RECORD, disruptions

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINE: dict[str, Any] = {
    "scenario": "One of MLflow's pods <crashes>",
    "proof": "restarts 0 to 1",
    "requests": 2500,
    "failed": 31,
    "outage_s": 0.08,
    "failing_s": 1.1,
    "acknowledged": 2310,
    "lost": 0,
    "whole_s": 21.4,
}


def _log(folder: Path, line: object, *, page: bool = False) -> Path:
    attachments = [Attachment(name="t", path=TIME_LINE, media_type="text/html")] if page else []
    check = CheckFinished(
        id="DIS-3",
        title="t",
        nodeid="n",
        started=NOW,
        duration_s=1,
        promise="p",
        impact="i",
        remedy="r",
        observations=[Observation(name="disruption", observed=line)],
        attachments=attachments,
    )
    path = folder / "evidence.jsonl"
    with EvidenceLog(path) as log:
        log.append(
            RunStarted(
                run_id="r", started=NOW, tool_version="0", command=["c"], profile="p",
                profile_sha256="0", target={}, seed=1,
                expected=[Expected(id="DIS-3", promise="p")],
            )
        )  # fmt: skip
        log.append(check)
        log.append(check.model_copy(update={"id": "NET-1", "attachments": []}))
        log.append(RunEnded(ended=NOW))
    return path


def test_a_line_for_each_fault(tmp_path: Path) -> None:
    run = judge(read(_log(tmp_path, LINE)))
    line = disruptions(run)[0]
    assert (line.id, line.failed, line.requests, line.lost) == ("DIS-3", 31, 2500, 0)
    page = html.render(run)
    assert "What faults did" in page
    assert "31 of 2500" in page
    assert "&lt;crashes&gt;" in page
    assert TIME_LINE not in page


def test_without_proof_and_never_whole_again(tmp_path: Path) -> None:
    page = html.render(judge(read(_log(tmp_path, {**LINE, "proof": None, "whole_s": None}))))
    assert "<strong>none</strong>" in page
    assert "never" in page


def test_writes_that_no_door_showed_are_not_called_kept(tmp_path: Path) -> None:
    run = judge(read(_log(tmp_path, {**LINE, "lost": None})))
    assert disruptions(run)[0].lost is None
    assert "<strong>not shown</strong>" in html.render(run)


@pytest.mark.parametrize("line", [{"scenario": "x"}, {**LINE, "failed": "many"}, "text", None])
def test_a_record_of_another_form_has_no_line(tmp_path: Path, line: object) -> None:
    run = judge(read(_log(tmp_path, line)))
    assert disruptions(run) == []
    assert "What faults did" not in html.render(run)


def test_the_time_line_is_made_with_the_report(tmp_path: Path) -> None:
    log = _log(tmp_path, LINE, page=True)
    document = LoadDocument(
        result=analyse(load_records.run(tmp_path, load_records.healthy)),
        bands=[Band(name="crash", start_s=1, end_s=3)],
    )
    document.write(tmp_path / TIME_LINE_RECORD)
    write_all(log)
    page = (tmp_path / TIME_LINE).read_text()
    assert "crash" in page
    assert "time line of faults" in page
    assert "DIS-3" in page
    assert "NET-1" not in page
    assert f'href="{TIME_LINE}"' in (tmp_path / "report.html").read_text()
    shutil.copy(tmp_path / TIME_LINE, tmp_path / "before")
    write_all(log)
    assert (tmp_path / TIME_LINE).read_bytes() == (tmp_path / "before").read_bytes()


def test_a_record_that_was_changed_is_told(tmp_path: Path) -> None:
    log = _log(tmp_path, LINE)
    (tmp_path / TIME_LINE_RECORD).write_text("{}")
    with pytest.raises(Unusable, match=TIME_LINE_RECORD):
        write_all(log)
