# SPDX-License-Identifier: Apache-2.0
"""Two real servers of one version, each on a database of its own: nothing differs, and lies do."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import psycopg
import pytest

import processes
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import send
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.load import engine, seeding, workload
from mlflow_conformance.mutants import lying_proxy
from mlflow_conformance.upgrade import skew
from mlflow_conformance.upgrade.api_answers import differences
from mlflow_conformance.upgrade.api_playing import PlayedRequests, play
from mlflow_conformance.upgrade.latency import PairedRuns, compare_runs
from mlflow_conformance.upgrade.pair import PairServer, ServerPair, last_line

_OPERATIONS = ["alias", "artifact", "change and delete", "load", "log", "log model", "register",
               "search", "stage", "trace"]  # fmt: skip


class _Here:
    """The Python of these tests."""

    def run(self, script: Path, request: Any) -> Any:
        done = subprocess.run(
            [sys.executable, str(script), json.dumps(request)],
            capture_output=True, check=True, text=True, env={**os.environ, "PYTHONPATH": ""},
        )  # fmt: skip
        return last_line(done.stdout)


@contextmanager
def _client(_image: str) -> Iterator[_Here]:
    yield _Here()


@pytest.fixture(scope="module")
def pair() -> Iterator[ServerPair]:
    """Two servers of the installed MLflow."""
    waiter = Waiter(2)
    with processes.open_folder() as folder, processes.postgresql(folder, waiter) as database:
        uri = database.uri
        with psycopg.connect(uri.replace("+psycopg2", ""), autocommit=True) as connection:
            connection.execute("CREATE DATABASE beside")
        start = partial(
            processes.mlflow_server, folder, waiter, artifacts_destination=str(folder / "files"),
            env={},
        )  # fmt: skip
        with (
            start(backend_store_uri=uri) as a,
            start(backend_store_uri=uri.rpartition("/")[0] + "/beside") as b,
        ):
            yield ServerPair(_server("A", a), _server("B", b), engine.running, _client)


def _server(name: Any, url: str) -> PairServer:
    return PairServer(name, mlflow.__version__, MlflowApi(url, partial(send), {}), _Here())


@contextmanager
def _lied_about(pair: ServerPair, rule: str, **parameters: Any) -> Iterator[ServerPair]:
    number, url = lying_proxy.start(pair.b.url, rule, parameters)
    try:
        yield replace(pair, b=replace(pair.b, api=replace(pair.b.api, base_url=url)))
    finally:
        lying_proxy.stop(number)


def _found(played: PlayedRequests) -> list[tuple[str, str]]:
    found = differences([q.name for q in played.asked], played.a, played.b)
    return [(d.kind, str(d)) for d in found]


def test_one_version_answers_as_itself(pair: ServerPair) -> None:
    played = play(pair, LocalInside(), "same", 1)
    assert _found(played) == []
    assert len(played.answered) >= 40


_LIES: list[tuple[str, dict[str, Any], str, str]] = [
    ("break", {"path": "runs/search$", "status": 404}, "worse", "200 became 404"),
    ("change", {"path": "runs/get$", "field": "run.info", "value": {}}, "gone", "run_id is gone"),
    ("change", {"path": "experiments/get$", "field": "experiment.lifecycle_stage", "value": 1},
     "type", "experiment.lifecycle_stage was string and is number"),
]  # fmt: skip
"""The rule and its parameters, and what kind of difference is found and how it is told."""


@pytest.fixture(scope="module")
def lied(pair: ServerPair) -> list[tuple[str, str]]:
    """What is found when B answers with all lies; hundreds of requests are played for it."""
    with ExitStack() as proxies:
        for rule, parameters, _, _ in _LIES:
            pair = proxies.enter_context(_lied_about(pair, rule, **parameters))
        return _found(play(pair, LocalInside(), "lies", 1))


@pytest.mark.parametrize(("kind", "said"), [(kind, said) for _, _, kind, said in _LIES])
def test_another_answer_is_found(lied: list[tuple[str, str]], kind: str, said: str) -> None:
    assert any(said in text for k, text in lied if k == kind), lied


def test_a_client_does_everything_at_its_own_version(pair: ServerPair) -> None:
    client = skew.tried(pair, _Here(), mlflow.__version__, "own")
    assert dict(client.at_a) == dict.fromkeys(_OPERATIONS)
    assert dict(client.at_b) == dict.fromkeys(_OPERATIONS)


def test_what_a_client_cannot_do_any_more_is_told_with_its_error(pair: ServerPair) -> None:
    with _lied_about(pair, "break", path="registered-models/alias$", status=404) as lied:
        [lost] = skew.tried(lied, _Here(), mlflow.__version__, "alias").lost
    assert lost.startswith("alias: RestException")


def test_both_get_the_same_load_side_by_side(pair: ServerPair, tmp_path: Path) -> None:
    runs = PairedRuns(pairs=2, rate=20, run_s=3, rest_s=1)
    servers = [(s.url, seeding.make(s.api, "runs")) for s in (pair.a, pair.b)]
    plan = runs.plan(workload.load("side-by-side"), 1, servers[0], servers[1])
    with pair.load(plan, tmp_path) as load:
        record = load.wait()
    assert len(record.records) == 3 * 60
    assert {r.failure for r in record.records} == {""}
    found = compare_runs(record, runs, 0.95)
    assert len(found.pairs) == 2
    assert found.failed == (0, 0)
