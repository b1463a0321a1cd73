# SPDX-License-Identifier: Apache-2.0
"""Workloads say where their mix comes from, and a wrong one is refused in one sentence."""

import random
from pathlib import Path

import pytest

from mlflow_conformance.config import assets
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.load.operations import OPERATIONS, World
from mlflow_conformance.load.workload import load

SHIPPED = sorted(p.stem for p in assets.asset("loadtests").glob("*.yaml"))
WORLD = World(experiment_id="1", experiment_name="load x", run_ids=["a" * 32], model="m")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_workloads_are_whole(name: str) -> None:
    workload = load(name)
    assert workload.name == name
    assert len(workload.source) > 40


def test_shipped_workloads() -> None:
    assert SHIPPED == [
        "log-heavy", "mixed", "probe", "pulse", "read-heavy", "side-by-side", "surge", "upgrade",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["probe", "pulse"])
def test_the_probe_is_even_and_reaches_the_database(name: str) -> None:
    probe = load(name)
    assert probe.arrivals == "constant"
    assert "health" not in probe.mix


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_operations_build_requests_that_can_be_sent(name: str) -> None:
    request = OPERATIONS[name].build(WORLD, random.Random(1), 17)
    assert request.path.startswith("/")
    assert " " not in request.path
    assert request.expected
    assert (request.method == "POST") == (request.body is not None)
    again = OPERATIONS[name].build(WORLD, random.Random(1), 17)
    assert again == request


def test_an_unknown_workload_is_named_with_the_nearest() -> None:
    with pytest.raises(Unusable, match="did you mean 'mixed'"):
        load("mixd")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mix": "{get-runs: 1}"}, "there is no operation 'get-runs', did you mean 'get-run'"),
        ({"mix": "{get-run: 0}"}, "greater than 0"),
        ({"mix": "{}"}, "at least 1 item"),
        ({"connection": "pipelined"}, "connection"),
        ({"timeout_s": "0"}, "timeout_s"),
        ({"extra": "1"}, "extra"),
        ({"name": "["}, "is not YAML"),
    ],
)
def test_a_wrong_workload_is_refused(tmp_path: Path, change: dict[str, str], said: str) -> None:
    fields = {
        "name": "x",
        "description": "d",
        "source": "s",
        "connection": "close",
        "arrivals": "poisson",
        "timeout_s": "5",
        "mix": "{get-run: 1}",
        **change,
    }
    path = tmp_path / "w.yaml"
    path.write_text("\n".join(f"{k}: {v}" for k, v in fields.items()))
    with pytest.raises(Unusable, match=said):
        load(str(path))
