# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance sla`: what it refuses, and that it leaves nothing behind then."""

import sys
from pathlib import Path

import pytest

from mlflow_conformance import cli
from sla_runs import HEALTH

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
