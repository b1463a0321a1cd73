# SPDX-License-Identifier: Apache-2.0
"""The table of alerts in the report."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import JsonValue

from mlflow_conformance.evidence.model import (
    CheckFinished,
    Expected,
    Observation,
    RunEnded,
    RunStarted,
)
from mlflow_conformance.evidence.verdict import RunVerdict, judge
from mlflow_conformance.report import html
from mlflow_conformance.report.alerts import alerts

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINE: dict[str, Any] = {
    "alert": "Down",
    "fault": "MLflow has <no> pod",
    "for_s": 300,
    "hurried_s": 15,
    "fired_s": 31.5,
    "arrived_s": 33,
    "resolved_s": None,
}


def run_with(line: JsonValue) -> RunVerdict:
    expected = [Expected(id="OBS-2.down", promise="p")]
    check = CheckFinished(
        id="OBS-2.down", title="t", nodeid="n", started=NOW, duration_s=1, promise="p", impact="i",
        remedy="r", observations=[Observation(name="alert", observed=line)],
    )  # fmt: skip
    started = RunStarted(
        run_id="r", started=NOW, tool_version="0", command=["c"], profile="p", profile_sha256="0",
        target={}, seed=1, expected=expected,
    )  # fmt: skip
    return judge([started, check, RunEnded(ended=NOW)])


def test_a_line_says_who_was_told_when_and_how_long_it_waits_by_itself() -> None:
    run = run_with(LINE)
    (told,) = alerts(run)
    assert (told.id, told.alert, told.arrived_s, told.resolved_s) == (
        "OBS-2.down",
        "Down",
        33,
        None,
    )
    page = html.render(run)
    assert "MLflow has &lt;no&gt; pod" in page
    assert "5 min 00 s, 15.0 s" in page
    assert "<strong>never</strong>" in page


def test_who_was_told_before_the_faults_end_that_it_is_over_is_told_so() -> None:
    page = html.render(run_with({**LINE, "resolved_s": -12.3}))
    assert "12.3 s before" in page


@pytest.mark.parametrize("line", [{"alert": "x"}, {**LINE, "fired_s": "soon"}, "text", None])
def test_a_record_of_another_form_has_no_line(line: JsonValue) -> None:
    run = run_with(line)
    assert alerts(run) == []
    assert "Who is told" not in html.render(run)
