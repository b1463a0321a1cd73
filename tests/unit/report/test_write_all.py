# SPDX-License-Identifier: Apache-2.0
"""The reports beside a log: whole or not at all, and the same whenever they are made."""

import shutil
from pathlib import Path

import pytest

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.verdict import Verdict
from mlflow_conformance.report import html, write_all
from repository import RECORDS

REPORTS = {"report.html", "junit.xml", "summary.md", "verdict.json"}


def folder_with(tmp_path: Path, log: str) -> Path:
    shutil.copy(RECORDS / f"{log}.jsonl", tmp_path / "evidence.jsonl")
    return tmp_path / "evidence.jsonl"


@pytest.mark.parametrize(
    ("log", "verdict", "code"),
    [
        ("healthy", Verdict.PASS, 0),
        ("mixed", Verdict.FAIL, 1),
        ("crashed", Verdict.UNKNOWN, 2),
        ("hostile", Verdict.FAIL, 1),
        ("hundred", Verdict.FAIL, 1),
    ],
)
def test_reports_are_written_and_the_verdict_returned(
    tmp_path: Path, log: str, verdict: Verdict, code: int
) -> None:
    run = write_all(folder_with(tmp_path, log))
    assert (run.verdict, run.exit_code) == (verdict, code)
    assert {p.name for p in tmp_path.iterdir()} == REPORTS | {"evidence.jsonl"}
    assert {(tmp_path / n).stat().st_mode & 0o777 for n in REPORTS} == {0o644}


def test_a_report_made_again_is_the_same(tmp_path: Path) -> None:
    path = folder_with(tmp_path, "mixed")
    write_all(path)
    before = {n: (tmp_path / n).read_bytes() for n in REPORTS}
    write_all(path)
    assert {n: (tmp_path / n).read_bytes() for n in REPORTS} == before
    assert path.read_bytes() == (RECORDS / "mixed.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no run: the evidence is empty"),
        (b'{"type": "run"', "holds no run: the evidence is empty"),
        (b"not json\n", "Line 1 of"),
        (b"\x89PNG\r\n\x1a\n", "Line 1 of"),
        (b'{"type": "end", "ended": "2026-11-22T02:00:00Z"}\n', "does not begin"),
        (b'{"type": "run", "schema_version": "7"}\n', "has evidence schema 7"),
    ],
)
def test_a_log_that_is_no_run_is_refused_and_leaves_nothing(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "evidence.jsonl"
    path.write_bytes(content)
    with pytest.raises(Unusable, match=told):
        write_all(path)
    assert [p.name for p in tmp_path.iterdir()] == ["evidence.jsonl"]


def test_two_runs_in_one_log_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    path.write_bytes((RECORDS / "healthy.jsonl").read_bytes() * 2)
    with pytest.raises(Unusable, match="two runs"):
        write_all(path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = folder_with(tmp_path, "healthy")
    (tmp_path / "report.html").mkdir()
    with pytest.raises(Unusable, match=r"report\.html cannot be written: Is a directory"):
        write_all(path)
    assert {p.name for p in tmp_path.iterdir()} == {"evidence.jsonl", "report.html"}


def test_a_report_that_fails_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder_with(tmp_path, "healthy")
    write_all(path)
    before = (tmp_path / "report.html").read_bytes()
    monkeypatch.setattr(html, "render", lambda run, pictures: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_all(path)
    assert (tmp_path / "report.html").read_bytes() == before
