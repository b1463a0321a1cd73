# SPDX-License-Identifier: Apache-2.0
"""The latency report is one small file, quickly made, that shows what the record holds."""

import csv
import io
import re
import time
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from load_records import header, healthy, records, run, write
from mlflow_conformance.evidence.model import (
    Bound,
    CheckFinished,
    Event,
    Expected,
    Observation,
    RunEnded,
    RunStarted,
)
from mlflow_conformance.evidence.verdict import RunVerdict, judge
from mlflow_conformance.load import export
from mlflow_conformance.load.analysis import analyse
from mlflow_conformance.load.arrivals import RateStep
from mlflow_conformance.load.budget import spend
from mlflow_conformance.load.document import Band, LoadDocument, Series
from mlflow_conformance.load.records import Failure
from mlflow_conformance.load.run_record import RunRecord, read_run
from mlflow_conformance.report import latency as report
from mlflow_conformance.report.plot import TimeAxis, seconds

START = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
NASTY = "<script>alert(1)</script>\x1b[31m\u202e"


def judged(observed: float = 0.2, undecided: str | None = None) -> RunVerdict:
    seen = Observation(
        name="get-run, p95 of 1000",
        observed=observed,
        unit="s",
        bound=Bound(op="<=", value=1.0, source="promise LAT-1"),
    )
    events: list[Event] = [
        RunStarted(
            run_id="r-1",
            started=START,
            tool_version="0",
            command=["sla"],
            profile="k3d",
            profile_sha256="0" * 64,
            target={"front": "https://localhost:15443"},
            seed=1,
            expected=[Expected(id="LAT-1", promise="p95 ≤ 1 s")],
        ),
        CheckFinished(
            id="LAT-1",
            title="Every operation answers in time",
            nodeid="sla",
            started=START,
            duration_s=20,
            promise="p95 ≤ 1 s",
            impact="i",
            remedy="r",
            observations=[] if undecided else [seen],
            undecided=undecided,
        ),
        RunEnded(ended=START),
    ]
    return judge(events)


def outage(at: float) -> tuple[float, int, Failure]:
    return (0.002, 0, "refused") if 8 <= at < 9.5 else healthy(at)


def document(recorded: RunRecord) -> LoadDocument:
    return LoadDocument(
        result=analyse(recorded),
        budgets=[spend(recorded, "answered", 0.95, lambda r: bool(r.failure))],
        bands=[Band(name="pod killed", start_s=8, end_s=9.5, detail="exit code 137")],
        series=[Series(name="ready replicas", steps=[(0, 2), (8, 1), (14, 2)])],
        bound_s=1.0,
    )


class Text(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for n, v in attrs if n in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def test_the_page_tells_what_was_seen(tmp_path: Path) -> None:
    text = " ".join(Text(report.render(judged(), document(run(tmp_path, outage)))).text.split())
    assert "PASS" in text
    assert "pod killed" in text
    assert "8.0 s to 9.5 s exit code 137" in text
    assert "ready replicas" in text
    assert "75 of 1000" in text
    assert "Longest span without a success 1.5" in text
    assert "refused 75" in text
    assert "7.5 %" in text
    assert "1000 (100%)" in text


def test_the_page_is_self_contained(tmp_path: Path) -> None:
    page = Text(report.render(judged(), document(run(tmp_path, outage))))
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert all(re.fullmatch(r"#\w+|[\w.]+\.(jsonl|json|csv)", link) for link in page.links)


def test_hostile_names_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    shown = document(run(tmp_path, outage)).model_copy(
        update={
            "bands": [Band(name=NASTY, start_s=1, end_s=2, detail=NASTY)],
            "series": [Series(name=NASTY, steps=[])],
        }
    )
    page = report.render(judged(undecided=NASTY), shown)
    assert "script" not in Text(page).tags
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_void_run_says_that_it_proves_nothing(tmp_path: Path) -> None:
    late = document(run(tmp_path, healthy, late_us=30_000))
    text = Text(report.render(judged(undecided="the sender was late"), late)).text
    assert "This load proves nothing about the server" in text
    assert "The sender was late" in text


def test_a_run_without_requests_is_still_a_page(tmp_path: Path) -> None:
    recorded = read_run([write(tmp_path / "r.gz", header(), [], end=False)])
    shown = LoadDocument(result=analyse(recorded))
    assert "UNKNOWN" in Text(report.render(judged(undecided="nothing"), shown)).text


def test_ten_minutes_of_ten_operations_with_faults_stay_small_and_quick(tmp_path: Path) -> None:
    names = [f"operation-{n}" for n in range(10)]
    kept = [
        r._replace(operation=i % 10, done_us=r.done_us + (i * 7919) % 400_000)
        for i, r in enumerate(records(outage, rate=20, seconds=600))
    ]
    head = header(operations=names, steps=[RateStep(rate=20, duration_s=600)], offered=len(kept))
    recorded = read_run([write(tmp_path / "r.gz", head, kept)])
    shown = document(recorded).model_copy(
        update={
            "bands": [
                Band(name=f"fault {n}", start_s=n * 6, end_s=n * 6 + 3, detail="d" * 200)
                for n in range(100)
            ],
            "series": [Series(name="replicas", steps=[(n, n % 7) for n in range(600)])],
            "last_good": analyse(recorded),
        }
    )
    begin = time.process_time()
    page = report.render(judged(), shown)
    assert time.process_time() - begin < 2
    assert len(page.encode()) <= report.LIMIT


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "-"),
        (0.0, "0 ms"),
        (0.000_842, "0.842 ms"),
        (0.0123, "12.3 ms"),
        (0.9996, "1.00 s"),
        (1.906, "1.91 s"),
        (31.04, "31.0 s"),
        (120, "120 s"),
    ],
)
def test_latencies_have_three_digits(value: float | None, said: str) -> None:
    assert seconds(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1, "100%"),
        (0, "0%"),
        (0.9999, "99.99 %"),
        (0.99999999, "> 99.9999 %"),
        (0.0004, "0.04 %"),
        (0.5, "50.0 %"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(value: float, said: str) -> None:
    assert report.share(value) == said


def test_the_csv_holds_every_operation_and_every_slice(tmp_path: Path) -> None:
    result = analyse(run(tmp_path, outage))
    rows = list(csv.DictReader(io.StringIO(export.operations_csv(result))))
    assert [r["operation"] for r in rows] == ["all", "get-run"]
    assert rows[0]["requests"] == "1000"
    assert rows[0]["failures"] == "refused=75"
    assert float(rows[0]["p99.9_s"]) == pytest.approx(0.0055, rel=0.001)
    slices = list(csv.DictReader(io.StringIO(export.timeline_csv(result))))
    assert sum(int(s["failed"]) for s in slices) == 75


def test_a_line_is_broken_where_no_slice_is() -> None:
    span = TimeAxis(0, 10)
    assert span.stairs([0, 1, 5], 1, [7, 8, 9]) == "M0.0 7.0H100.0L100.0 8.0H200.0M500.0 9.0H600.0"
    assert span.stairs([0, 1, 2], 1, [7, None, 9]) == "M0.0 7.0H100.0M200.0 9.0H300.0"
