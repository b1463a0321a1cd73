# SPDX-License-Identifier: Apache-2.0
"""What starts workflows takes what MLflow signed, lately, and nothing else."""

import importlib.util
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.config import assets
from mlflow_conformance.doors.http import send
from mlflow_conformance.integrations.events import RegistryEvent, alias_set, forged

SECRET = "conformance-1"
BINDINGS = {"model_version_alias.created": "deploy-model"}


@pytest.fixture(scope="module")
def trigger() -> Any:
    path = assets.asset("deployment/kind/workflows/trigger.py")
    spec = importlib.util.spec_from_file_location("trigger", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, trigger: Any) -> list[dict[str, Any]]:
    """What the cluster was asked for."""
    asked: list[dict[str, Any]] = []

    def start(api: str, namespace: str, workflow: dict[str, Any]) -> int:
        if api == "away":
            raise OSError("no way there")
        asked.append(workflow)
        return 202

    monkeypatch.setattr(trigger, "start", start)
    return asked


@pytest.fixture
def post(
    trigger: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[RegistryEvent], int]]:
    bindings = tmp_path / "bindings.json"
    bindings.write_text(json.dumps(BINDINGS))
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("BINDINGS", str(bindings))
    monkeypatch.setenv("KUBERNETES_API", "here")
    monkeypatch.setenv("WORKFLOWS", "w")
    server = ThreadingHTTPServer(("127.0.0.1", 0), trigger.Trigger)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield lambda told: told.sent(send, f"http://127.0.0.1:{server.server_port}/", 5)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_signed_event_starts_the_workflow_that_it_is_bound_to(
    post: Callable[[RegistryEvent], int], started: list[dict[str, Any]]
) -> None:
    assert post(alias_set("m", "7", SECRET)) == 202
    [workflow] = started
    assert workflow["spec"]["workflowTemplateRef"] == {"name": "deploy-model"}
    assert workflow["spec"]["arguments"]["parameters"] == [
        {"name": "name", "value": "m"},
        {"name": "version", "value": "7"},
    ]


def test_a_delivery_that_comes_again_asks_for_the_same_workflow(
    post: Callable[[RegistryEvent], int], started: list[dict[str, Any]]
) -> None:
    event = alias_set("m", "1", SECRET)
    post(event)
    post(event)
    post(alias_set("m", "1", SECRET))
    first, again, another = (workflow["metadata"]["name"] for workflow in started)
    assert first == again != another


@pytest.mark.parametrize("wrong", forged("m", SECRET, old_s=3600))
def test_what_nobody_may_believe_is_refused(
    post: Callable[[RegistryEvent], int], started: list[dict[str, Any]], wrong: str
) -> None:
    assert post(forged("m", SECRET, old_s=3600)[wrong]) == 401
    assert started == []


def test_an_event_of_another_kind_starts_nothing(
    post: Callable[[RegistryEvent], int], started: list[dict[str, Any]], trigger: Any
) -> None:
    body = {"entity": "model_version", "action": "created", "data": {"name": "m", "version": "1"}}
    assert trigger.workflow_of(BINDINGS, "d", json.dumps(body)) is None


def test_a_cluster_that_does_not_answer_is_asked_again_by_mlflow(
    post: Callable[[RegistryEvent], int],
    started: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBERNETES_API", "away")
    assert post(alias_set("m", "1", SECRET)) == 502
    assert started == []


@pytest.mark.parametrize("told", ["", "-5", "1e9", "soon", "٣"])
def test_a_time_that_is_none_is_refused(trigger: Any, told: str) -> None:
    headers = {"X-MLflow-Delivery-Id": "d", "X-MLflow-Timestamp": told}
    assert not trigger.signed(SECRET, headers, b"", time.time())
