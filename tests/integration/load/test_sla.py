# SPDX-License-Identifier: Apache-2.0
"""`run_sla` from the load to the reports, and what it says when it cannot decide."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from http_server import Server, healthy, stalling
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.verdict import Verdict, judge
from mlflow_conformance.latency.judging import checks_of
from mlflow_conformance.latency.measuring import LoadTarget
from mlflow_conformance.latency.sla import run_sla
from mlflow_conformance.latency.thresholds import Offer
from mlflow_conformance.load.document import LoadDocument
from mlflow_conformance.run.sla import duration
from mlflow_conformance.target.base import HttpDoor
from sla_runs import HEALTH, run


def at(url: str) -> AbstractContextManager[LoadTarget]:
    return nullcontext(LoadTarget(HttpDoor(url)))


@pytest.fixture
def health(tmp_path: Path) -> Offer:
    path = tmp_path / "health.yaml"
    path.write_text(HEALTH)
    return Offer(workload=str(path), rate=150, duration_s=2, workers=1, max_in_flight=4000)


@pytest.mark.parametrize(("stall_s", "expected"), [(0.0, Verdict.PASS), (1.8, Verdict.FAIL)])
def test_a_server_that_stalls_fails_and_a_healthy_one_passes(
    tmp_path: Path, health: Offer, stall_s: float, expected: Verdict
) -> None:
    with Server(stalling(stall_s, every=2) if stall_s else healthy) as server:
        verdict = run_sla(run(tmp_path), health, at(server.url), {"front": server.url})
    assert {c.id: c.verdict for c in verdict.checks} == {
        "LAT-1": expected,
        "LAT-3": Verdict.PASS,
    }
    assert judge(read(tmp_path / "evidence.jsonl")).verdict is expected
    shown = LoadDocument.model_validate_json((tmp_path / "latency.json").read_bytes())
    assert shown.result.sending.sent == 300
    assert len(shown.budgets) == 2
    for name in ("latency.html", "latency.csv", "timeline.csv", "report.html", "junit.xml"):
        assert (tmp_path / name).stat().st_size > 0
    assert "latency.html" in (tmp_path / "report.html").read_text()


def test_a_server_that_is_not_there_is_unusable_and_leaves_a_whole_log(tmp_path: Path) -> None:
    with Server() as gone:
        url = gone.url
    with pytest.raises(Unusable, match="The objects that the load needs cannot be made"):
        run_sla(
            run(tmp_path),
            Offer(workload="mixed", rate=1, duration_s=1, workers=1, max_in_flight=100),
            at(url),
            {},
        )
    ended = judge(read(tmp_path / "evidence.jsonl"))
    assert ended.end is not None
    assert ended.verdict is Verdict.UNKNOWN


def test_a_profile_without_latency_is_refused() -> None:
    with pytest.raises(Unusable, match="promises nothing about latency"):
        checks_of(["TRK-1", "LAT-3"])


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "0s", "-5m", "5 days"])
def test_a_wrong_duration_is_refused(text: str) -> None:
    with pytest.raises(Unusable, match="is no duration"):
        duration(text)
