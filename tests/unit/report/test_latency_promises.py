# SPDX-License-Identifier: Apache-2.0
"""LAT-2: what the latency report promises of itself, whatever was measured."""

import csv
import io
import math
import random
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from load_records import US, healthy, records, run, write
from load_records import header as record_header
from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.verdict import RunVerdict, judge
from mlflow_conformance.load import export
from mlflow_conformance.load.analysis import analyse
from mlflow_conformance.load.arrivals import RateStep
from mlflow_conformance.load.budget import spend
from mlflow_conformance.load.document import Band, LoadDocument, Series
from mlflow_conformance.load.records import Record
from mlflow_conformance.load.run_record import RunRecord, read_run
from mlflow_conformance.report import latency as report
from mlflow_conformance.report.plot import seconds
from repository import RECORDS

DAY_S = 86_400


@pytest.fixture(scope="module")
def verdict() -> RunVerdict:
    return judge(read(RECORDS / "mixed.jsonl"))


def _of(folder: Path, lines: list[Record], operations: list[str]) -> RunRecord:
    head = record_header(
        operations=operations, offered=len(lines), steps=[RateStep(rate=50, duration_s=400)]
    )
    return read_run([write(folder / "records-0.ndjson.gz", head, lines)])


@pytest.fixture(scope="module")
def tailed(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """20,000 requests of two operations, whose latencies have a long tail and some are failures."""
    draw = random.Random(17)
    lines = [
        r._replace(
            operation=n % 2,
            # What is refused at once is no sample of latency.
            done_us=r.sent_us + (100 if n % 50 == 0 else round(draw.lognormvariate(-4, 1.3) * US)),
            failure="status" if n % 50 == 0 else "",
            status=500 if n % 50 == 0 else 200,
        )
        for n, r in enumerate(records(healthy, rate=50, seconds=400))
    ]
    return _of(tmp_path_factory.mktemp("load"), lines, ["get-run", "log-batch"])


def _exact(recorded: RunRecord, p: str, operation: int | None) -> float:
    """The percentile by nearest rank, from every single request that succeeded."""
    own = sorted(
        r.done_us - r.planned_us
        for r in recorded.records
        if not r.failure and operation in (None, r.operation)
    )
    return own[math.ceil(Fraction(p) * len(own) / 100) - 1] / US


def test_every_percentile_is_that_of_the_requests_within_a_thousandth(
    tailed: RunRecord, verdict: RunVerdict
) -> None:
    shown = LoadDocument(result=analyse(tailed))
    page = report.render(verdict, shown)
    table = csv.DictReader(io.StringIO(export.operations_csv(shown.result)))
    rows = {line["operation"]: line for line in table}
    for name, operation in (("all", None), ("get-run", 0), ("log-batch", 1)):
        found = shown.result.operation(name)
        assert {p.p for p in found.percentiles} >= {"50", "95", "99", "99.9"}
        for each in found.percentiles:
            exact = _exact(tailed, each.p, operation)
            assert each.seconds == pytest.approx(exact, rel=0.001)
            assert float(rows[name][f"p{each.p}_s"]) == pytest.approx(exact, rel=0.001)
            cell = f'data-label="p{each.p}" class="num"><span>{seconds(each.seconds)}</span>'
            assert cell in page or not each.enough


def test_a_day_of_everything_stays_small(tmp_path: Path, verdict: RunVerdict) -> None:
    names = [f"operation-{n}-with-a-name-that-is-long" for n in range(40)]
    lines = [
        r._replace(planned_us=r.planned_us * 216, sent_us=r.sent_us * 216, operation=n % 40,
                   done_us=r.done_us * 216 + (n * 7919) % 900_000)
        for n, r in enumerate(records(healthy, rate=50, seconds=400))
    ]  # fmt: skip
    head = record_header(
        operations=names, offered=len(lines), steps=[RateStep(rate=0.2, duration_s=DAY_S)]
    )
    recorded = read_run([write(tmp_path / "r.gz", head, lines)])
    steps = [(float(at), float((at * 7919) % 97)) for at in range(0, DAY_S, 4)]
    shown = LoadDocument(
        result=analyse(recorded),
        budgets=[spend(recorded, "answered", 0.99, lambda r: bool(r.failure))],
        bands=[
            Band(name=f"fault {n} " + "n" * 300, start_s=n * 200, end_s=n * 200 + 90,
                 detail="d" * 900)
            for n in range(400)
        ],
        series=[Series(name=f"number {n} " + "x" * 300, steps=steps) for n in range(8)],
        bound_s=2.0,
        last_good=analyse(recorded),
    )  # fmt: skip
    assert len(report.render(verdict, shown).encode()) <= report.LIMIT


def test_nothing_is_fetched_and_nothing_runs(tailed: RunRecord, verdict: RunVerdict) -> None:
    page = report.render(verdict, LoadDocument(result=analyse(tailed)))
    style = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert style
    assert not re.search(r"url\(|@import|https?:", style)
    assert not re.search(r"\s(on\w+|src|srcset|data|poster|action)=", page)
    assert "default-src 'none'" in page


def _lane(page: str) -> list[tuple[float, float]]:
    """Points of the one line of steps: x of a thousand, and the value of at most 10."""
    [path] = re.findall(r'class="steps" d="([^"]+)"', page)
    points, x = [], 0.0
    for letter, first, second in re.findall(r"([MHV])([\d.]+)(?: ([\d.]+))?", path):
        x = float(first) if letter != "V" else x
        if letter != "H":
            points.append((x, (38 - float(second or first)) / 34 * 10))
    return points


def test_a_number_that_changes_often_keeps_its_extremes_and_its_end(
    tmp_path: Path, verdict: RunVerdict
) -> None:
    steps = [(n / 500, 4.0 + n % 2) for n in range(10_000)]  # twenty seconds
    steps[7000] = (14.0, 10.0)
    steps[9000:] = [(18.0, 1.0)]
    shown = LoadDocument(
        result=analyse(run(tmp_path, healthy)), series=[Series(name="replicas", steps=steps)]
    )
    points = _lane(report.render(verdict, shown))
    assert len(points) <= 900
    assert any(abs(x - 700) < 1 and round(value) == 10 for x, value in points)
    assert abs(points[-1][0] - 900) < 1
    assert round(points[-1][1]) == 1


def test_every_operation_stands_beside_its_last_good_run(
    tailed: RunRecord, tmp_path: Path, verdict: RunVerdict
) -> None:
    quick = _of(tmp_path, [r._replace(operation=0) for r in records(healthy, seconds=400)],
                ["get-run"])  # fmt: skip
    now, then = analyse(tailed), analyse(quick)
    page = report.render(verdict, LoadDocument(result=now, last_good=then))
    rows = re.findall(r'<tr[^>]*><th scope="row"[^>]*>([^<]+)</th>(.*?)</tr>', page, re.DOTALL)
    told = [(name, cells) for name, cells in rows if "p99.9" in cells]
    assert [name for name, _ in told] == [
        "all", "last good run", "get-run", "last good run", "log-batch",
    ]  # fmt: skip
    assert seconds(then.operation("get-run").percentile(95).seconds) in told[3][1]
    assert seconds(now.operation("get-run").percentile(95).seconds) in told[2][1]


def test_the_time_line_has_faults_alerts_and_replicas(tmp_path: Path, verdict: RunVerdict) -> None:
    def fails(at: float) -> tuple[float, int, Any]:
        return (0.002, 503, "status") if 5 <= at < 9 else healthy(at)

    recorded = run(tmp_path, fails)
    budget = spend(recorded, "answered", 0.99, lambda r: bool(r.failure))
    shown = LoadDocument(
        result=analyse(recorded),
        budgets=[budget],
        bands=[
            Band(name="fault", start_s=5, end_s=9), Band(name="alert: page", start_s=6, end_s=12)
        ],
        series=[Series(name="ready replicas", steps=[(0, 2), (5, 1), (10, 2)])],
    )  # fmt: skip
    page = report.render(verdict, shown)
    assert page.count('class="band" style="left:25.0%;width:20.0%"') == 3  # on each of the charts
    assert page.count('class="band" style="left:30.0%;width:30.0%"') == 3
    assert "ready replicas" in page
    assert budget.burn == pytest.approx(20.0)
    assert f">{report.rate(budget.burn)}<" in page
