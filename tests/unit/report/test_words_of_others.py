# SPDX-License-Identifier: Apache-2.0
"""Whatever a server, a database or a program says at length, reports stay readable."""

import json
import traceback
from pathlib import Path

import pytest

from mlflow_conformance.cluster.failures import KubeFailed, refusal
from mlflow_conformance.core.brevity import KEPT, READABLE, REASON
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.mlflow import ApiError
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.model import CheckFinished, RunStarted
from mlflow_conformance.evidence.verdict import Judged, judge
from mlflow_conformance.report import html, junit, summary, terminal, verdict_document
from repository import RECORDS

STATEMENT = "[SQL: SELECT " + ", ".join(f"trace_info.column_{n}" for n in range(900)) + "]"
WORDS = f"(psycopg.errors.UndefinedColumn) column preview does not exist\n{STATEMENT}"
REPLY = Reply(400, {}, json.dumps({"error_code": "BAD_REQUEST", "message": WORDS}).encode(), 0.1)
DOORS: list[Exception] = [
    ApiError("traces/search", REPLY),
    InsideFailed(f"sql: ProgrammingError: {WORDS}"),
    InsideFailed(f"s3_list: ClientError: {WORDS}"),
    refusal(
        "GET pods", 500, "Internal Server Error", json.dumps({"reason": "X", "message": WORDS})
    ),
    KubeFailed(f"kubectl exec: {WORDS}"),
    RuntimeError(WORDS),
]


def _record(tmp_path: Path, problem: Exception) -> CheckFinished:
    """Of a check that such words ended; of a defect of its own there is a traceback."""
    observed = not isinstance(problem, RuntimeError)
    error = None
    if not observed:
        try:
            raise problem
        except RuntimeError as raised:
            error = "".join(traceback.format_exception(raised))
    return Evidence("DIS-1", "p", tmp_path).finished(
        title="t", nodeid="n", impact="i", remedy="r", error=error,
        undecided=f"{type(problem).__name__}: {problem}" if observed else None,
    )  # fmt: skip


def _judged(tmp_path: Path, problem: Exception) -> tuple[list[object], Judged]:
    start = next(e for e in read(RECORDS / "healthy.jsonl") if isinstance(e, RunStarted))
    run = judge([start.model_copy(update={"expected": []}), _record(tmp_path, problem)])
    pages: list[object] = [
        html.render(run),
        junit.render(run),
        summary.render(run),
        terminal.render(run, width=20_000),
        verdict_document.render(run),
    ]
    return pages, run.checks[0]


@pytest.mark.parametrize("problem", DOORS, ids=lambda p: f"{type(p).__name__} {str(p)[:8]}")
def test_no_report_holds_a_statement_and_each_says_what_is_missing(
    tmp_path: Path, problem: Exception
) -> None:
    pages, judged = _judged(tmp_path, problem)
    assert "column preview does not exist" in judged.reason
    assert len(judged.reason) <= REASON + len("ended with ")
    for page in pages:
        told = str(page)
        assert "column preview does not exist" in told
        if judged.check and judged.check.undecided:
            assert "more characters)" in told
        assert "column_600" not in told


@pytest.mark.parametrize("problem", DOORS, ids=lambda p: f"{type(p).__name__} {str(p)[:8]}")
def test_the_evidence_keeps_more_and_not_everything(tmp_path: Path, problem: Exception) -> None:
    record = _record(tmp_path, problem)
    told = record.undecided or record.error or ""
    assert len(told) <= KEPT
    assert "column preview does not exist" in told


def test_the_sentence_of_mlflow_is_short_and_its_whole_message_is_there() -> None:
    problem = ApiError("traces/search", REPLY)
    assert len(str(problem)) <= READABLE
    assert problem.message == WORDS


def test_what_a_command_ends_with_keeps_its_remedy() -> None:
    told = str(Unusable(f"PostgreSQL says {WORDS}", remedy="Upgrade it"))
    assert told.endswith(". Upgrade it.")
    assert len(told) < KEPT + 100


def test_a_secret_is_concealed_before_it_could_be_cut(tmp_path: Path) -> None:
    secret = "s3cret" * 20
    evidence = Evidence("DIS-1", "p", tmp_path, concealed=lambda text: text.replace(secret, "…"))
    record = evidence.finished(
        title="t", nodeid="n", impact="i", remedy="r", error=None,
        undecided="x" * (KEPT - 60) + secret + "y" * 500,
    )  # fmt: skip
    assert "s3cret" not in str(record.undecided)
