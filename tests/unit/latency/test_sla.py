# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance sla`: what it refuses, and that it leaves nothing behind then."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import load_records
from mlflow_conformance import cli
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import (
    Bound,
    CheckFinished,
    Expected,
    Observation,
    RunEnded,
    RunStarted,
)
from mlflow_conformance.latency.last_good import last_good
from mlflow_conformance.latency.thresholds import Offer
from mlflow_conformance.load.analysis import analyse
from mlflow_conformance.load.arrivals import RateStep
from mlflow_conformance.load.document import LoadDocument
from mlflow_conformance.load.run_record import read_run
from sla_runs import HEALTH

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ROW = """
  LAT-1:
    promise: p95 is 1 s
    thresholds:
      load: {workload: health, rate: 20, duration_s: 5, workers: 1, max_in_flight: 4000}
      each_operation_s: {p95: 1.0}
      all_operations_s: {}
      errors: 0.05
      others_cpu: null
"""
CHECK = '''
@check("LAT-1", impact="i", remedy="r")
def test_latency(evidence):
    """Latency."""
'''


@pytest.fixture
def promised(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose profile promises something about latency."""
    with (checkout / "profiles/k3d.yaml").open("a") as profile:
        profile.write(ROW)
    with (checkout / "suites/tracking/test_numbers.py").open("a") as suite:
        suite.write(CHECK)
    (checkout / "loadtests").mkdir()
    (checkout / "loadtests/health.yaml").write_text(HEALTH)
    monkeypatch.chdir(tmp_path)
    return checkout


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    monkeypatch.setattr(sys, "argv", ["mlflow-conformance", "sla", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--rate", "0"], "The load cannot be sent: rate: Input should be greater than 0"),
        (["--rate", "fast"], "Invalid value for '--rate'"),
        (["--for", "5 days"], "'5 days' is no duration"),
        (["--duration", "10"], "'10' is no duration"),
        (["--workload", "helth"], "There is no workload 'helth', did you mean 'health'"),
        (["--workers", "0"], "The load cannot be sent: workers"),
        (["--compare", "absent"], "absent cannot be read: No such file"),
        (["--context", "x", "--tracking-uri", "http://h"], "name two targets"),
        (["--context", "x", "--keep"], "--keep, --reuse and --prepared are about"),
        (["--namespace", "x"], "--namespace is about an existing cluster"),
        (["--mutant", "two-is-thre"], "There is no mutant 'two-is-thre'"),
        (["--tracking-uri", "http://127.0.0.1:1"], "No server answers at http://127.0.0.1:1"),
    ],
    ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else "",
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    promised: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    assert told in refused(monkeypatch, capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_result_of_something_else_is_refused(
    promised: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "latency.json").write_text("{}")
    said = refused(monkeypatch, capsys, "--compare", ".")
    assert "latency.json is no latency.json of this version: Field required" in said


def test_a_profile_that_promises_nothing_about_latency(
    checkout: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "promises nothing about latency" in refused(monkeypatch, capsys)


def test_a_misspelt_bound_is_refused(
    promised: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = promised / "profiles/k3d.yaml"
    profile.write_text(profile.read_text().replace("{p95: 1.0}", "{p95_ms: 1.0}"))
    assert "p95_ms" in refused(monkeypatch, capsys)


def test_a_load_that_neither_the_profile_nor_the_command_line_states(
    promised: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = promised / "profiles/k3d.yaml"
    load = "{workload: health, rate: 20, duration_s: 5, workers: 1, max_in_flight: 4000}"
    profile.write_text(profile.read_text().replace(load, "null"))
    said = refused(monkeypatch, capsys, "--rate", "20", "--for", "5s")
    assert "The load cannot be sent: workload: Field required" in said


def _earlier(
    folder: Path, *, workload: str = "health", rate: float = 20, broken: bool = False
) -> Path:
    """A run's folder as `sla` leaves it, as far as it is read again."""
    folder.mkdir()
    head = load_records.header(
        workload=workload, steps=[RateStep(rate=rate, duration_s=20)], offered=int(rate * 20)
    )
    lines = load_records.records(load_records.healthy, rate=rate)
    recorded = read_run([load_records.write(folder / "records-0.ndjson.gz", head, lines)])
    LoadDocument(result=analyse(recorded)).write(folder / "latency.json")
    start = RunStarted(
        run_id="r", started=NOW, tool_version="0", command=["sla"], profile="p",
        profile_sha256="0", target={}, seed=1, expected=[Expected(id="LAT-1", promise="p")],
    )  # fmt: skip
    bound = Bound(op="<=", value=1, source="promise LAT-1")
    seen = Observation(id="latency", name="p95", observed=2 if broken else 0.1, bound=bound)
    check = CheckFinished(
        id="LAT-1", title="t", nodeid="n", started=NOW, duration_s=1, promise="p", impact="i",
        remedy="r", observations=[seen],
    )  # fmt: skip
    with EvidenceLog(folder / "evidence.jsonl") as log:
        for event in (start, check, RunEnded(ended=NOW)):
            log.append(event)
    return folder


OFFER = Offer(workload="health", rate=20, duration_s=5, workers=1, max_in_flight=10)


def test_a_good_run_of_the_same_load_is_compared_with(promised: Path, tmp_path: Path) -> None:
    folder = _earlier(tmp_path / "run")
    assert last_good(folder, OFFER).sending.offered == 400
    assert last_good(folder / "latency.json", OFFER).sending.offered == 400


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"broken": True}, "is no good run to compare with: LAT-1 is fail"),
        ({"rate": 30}, "another load than this run: health at 30 a second, and not health at 20 a"),
        ({"workload": "mixed"}, "mixed at 20 a second, and not health at 20 a second"),
    ],
)
def test_another_run_is_not_called_the_last_good_one(
    promised: Path, tmp_path: Path, made: dict[str, Any], told: str
) -> None:
    folder = _earlier(tmp_path / "run", **made)
    with pytest.raises(Unusable, match=re.escape(told)):
        last_good(folder, OFFER)


def test_a_result_without_its_evidence_is_not_known_to_be_good(
    promised: Path, tmp_path: Path
) -> None:
    folder = _earlier(tmp_path / "run")
    (folder / "evidence.jsonl").unlink()
    with pytest.raises(Unusable, match="nobody knows whether that run was good"):
        last_good(folder, OFFER)
