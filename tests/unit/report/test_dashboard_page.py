# SPDX-License-Identifier: Apache-2.0
"""Pictures of dashboards: what a reader must see, from the record of a run."""

from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.evidence.model import Observation
from mlflow_conformance.report import write_all
from mlflow_conformance.report.dashboard_page import LIMIT
from mlflow_conformance.report.dashboards import (
    MOST_PANELS,
    MOST_POINTS,
    MOST_SERIES,
    PAGE,
    RECORD,
    DashboardsRecord,
)
from pages import Page
from recorded_run import write_run

PATH = "attachments/OBS-3-dashboards-over-time.json"


def panel(title: str, *series: Any, **more: Any) -> dict[str, Any]:
    named = [{"name": f"s<{n}>", "values": each} for n, each in enumerate(series)]
    return {
        "title": title, "kind": "timeseries", "unit": "", "column": 0, "columns": 12, "queries": 1,
        "series": named, "left_out": 0, "problem": "", **more,
    }  # fmt: skip


def record(*panels: Any, **more: Any) -> dict[str, Any]:
    board = {
        "title": "MLflow <live>",
        "variables": [{"label": "Namespace", "value": "ml", "choices": 3}],
        "since": "2026-01-01T00:00:00Z",
        "step_s": 5.0,
        "points": 4,
        "panels": list(panels),
    }
    return {"schema_version": "1", "dashboards": [board], "left_out": 0, **more}


WRITTEN = record(
    panel("Latency", [None, 0.25, 0.5, 1.0], [0.1, None, 0.2, 0.2], unit="s"),
    panel("Nothing", column=12),
    panel("Refused", problem="parse error", column=12),
    panel("Words", kind="text", queries=0),
    panel("Backups", kind="row", queries=0, columns=24),
)
"""What a run writes: a change of it is one of the evidence's form, and needs another version."""


def run_in(folder: Path, written: Any) -> Path:
    line = {"dashboard": "MLflow <live>", "panels": 3, "empty": ["Nothing", "Refused"]}
    return write_run(
        folder, "OBS-3", RECORD, PATH, written, Observation(name="dashboard", observed=line)
    )


def page_of(folder: Path, written: Any = WRITTEN) -> str:
    write_all(run_in(folder, written))
    return (folder / PAGE).read_text()


def test_the_form_of_the_record_is_the_one_that_is_read() -> None:
    assert DashboardsRecord.model_validate(WRITTEN).model_dump(mode="json") == WRITTEN
    many = panel("p", *([[1.0]] * (MOST_SERIES + 1)))
    long = panel("p", [1.0] * (MOST_POINTS + 1))
    others: list[dict[str, Any]] = [
        {"schema_version": "2"},
        {"more": 1},
        record(many),
        record(long),
    ]
    for changed in others:
        with pytest.raises(ValueError, match="validation error"):
            DashboardsRecord.model_validate({**WRITTEN, **changed})


def test_panels_have_titles_units_legends_and_what_they_were_drawn_for(tmp_path: Path) -> None:
    text = page_of(tmp_path)
    assert "MLflow &lt;live&gt;" in text
    assert "<live>" not in text
    assert "<span>Namespace</span> ml" in text
    assert "of 3" in text
    assert "<h4>Latency</h4>" in text
    assert "grid-column:13/span 12" in text
    assert "<h3>Backups</h3>" in text
    row = next(r for r in text.split("<tr>") if "s&lt;0&gt;</th>" in r)
    cells = [cell.split("<")[0] for cell in row.split('class="num">')[1:]]
    assert cells == ["1 s", "250 ms", "1 s"]


def test_lines_go_through_what_was_there_and_no_further(tmp_path: Path) -> None:
    page = Page(page_of(tmp_path))
    paths = [
        given["d"]
        for look, given in page.shapes
        if look.startswith("c") and "M0 5" not in given["d"]
    ]
    # The axis is from nothing to one second; the second series begins with a point of its own.
    assert paths == [
        "M333.3 180.0L666.7 120.0L1000.0 0.0",
        "M0.0 216.0h4M666.7 192.0L1000.0 192.0",
    ]


def test_a_panel_without_data_says_so(tmp_path: Path) -> None:
    text = page_of(tmp_path)
    assert text.count("<strong>No data</strong>") == 2
    assert "A query was refused: parse error" in text
    assert "Without data: Nothing, Refused." in text
    assert "text, without a query of its own" in text
    assert "Every panel has data" in page_of(tmp_path, record(panel("p", [1.0])))


def test_it_says_in_words_what_it_draws_and_loads_nothing(tmp_path: Path) -> None:
    text = page_of(tmp_path)
    page = Page(text)
    assert page.silent == 0
    assert page.loaded == []
    assert "default-src 'none'" in text
    assert "Latency: s<0> 1 s, from 250 ms to 1 s; s<1> 200 ms" in "\n".join(page.labels)


def test_minutes_are_round_where_there_are_some(tmp_path: Path) -> None:
    text = page_of(tmp_path, record(panel("Age", [575.0, 830.0], unit="s")))
    assert [mark in text for mark in (">5 min<", ">10 min<", ">15 min<")] == [True] * 3


def test_a_number_that_is_shown_large_is_the_last(tmp_path: Path) -> None:
    shown = panel("Up", [0.0, 1.0, None, None], kind="stat")
    assert '<p class="big"><span>1</span></p>' in page_of(tmp_path, record(shown))


def test_what_grafana_shows_in_another_way_is_told(tmp_path: Path) -> None:
    assert "In Grafana: heatmap." in page_of(tmp_path, record(panel("p", [1.0], kind="heatmap")))


@pytest.mark.parametrize("value", [0.0, -3.0, 1e-7, 12345678.9, 7 * 1024.0**2])
@pytest.mark.parametrize("unit", ["bytes", "s", "percentunit", "short"])
def test_any_number_is_within_its_axis(tmp_path: Path, value: float, unit: str) -> None:
    page = Page(page_of(tmp_path, record(panel("p", [value, value], unit=unit))))
    (path,) = [g["d"] for look, g in page.shapes if look == "c0 d0" and g["d"] != "M0 5H24"]
    heights = [float(part.split()[1]) for part in path[1:].split("L")]
    assert all(0 <= y <= 240 for y in heights)


def test_the_largest_record_is_a_page_that_can_be_opened(tmp_path: Path) -> None:
    wave = [[float((n * k) % 97) for n in range(MOST_POINTS)] for k in range(MOST_SERIES)]
    whole = record(*(panel(f"p{n}", *wave, left_out=3) for n in range(MOST_PANELS)), left_out=7)
    text = page_of(tmp_path, whole)
    assert len(text.encode()) <= LIMIT
    assert "more series, not drawn" in text
    assert "7 more panels, not recorded" in text


def test_a_record_of_another_form_is_told(tmp_path: Path) -> None:
    text = page_of(tmp_path, {**WRITTEN, "schema_version": "2"})
    assert "is of a form that this version does not read" in text


def test_the_report_says_which_panels_had_nothing(tmp_path: Path) -> None:
    write_all(run_in(tmp_path, WRITTEN))
    text = (tmp_path / "report.html").read_text()
    assert "What dashboards showed" in text
    assert "Nothing, Refused" in text
    assert f'href="{PAGE}"' in text
