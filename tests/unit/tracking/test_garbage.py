# SPDX-License-Identifier: Apache-2.0
"""The one rule of `mlflow gc`: no list is ever left out."""

import json
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.tracking.garbage import collect

NAMES = MlflowNames(deployment="m", service="m", selector={"app": "m"})
ANSWERS: dict[str, Any] = {
    "experiments/create": {"experiment_id": "31"},
    "runs/create": {"run": {"info": {"run_id": "r1"}}},
    "mlflow/logged-models": {"model": {"info": {"model_id": "m1"}}},
}


@dataclass
class Cluster:
    """A cluster whose pods are as they are told to be; remembers what was run in them."""

    pods: list[str]
    commands: list[tuple[str, ...]] = field(default_factory=list)

    def ready_pods(self, *_: object, **__: object) -> list[Any]:
        """One object with a name for each."""
        return [type("Pod", (), {"name": name}) for name in self.pods]

    def exec(self, *command: str, **_: object) -> str:
        """Remember it."""
        self.commands.append(command)
        return ""


def _front(heard: list[tuple[str, str]]) -> MlflowApi:
    def sender(method: str, url: str, **_: object) -> Reply:
        heard.append((method, url))
        body: dict[str, Any] = next((b for end, b in ANSWERS.items() if url.endswith(end)), {})
        return Reply(200, {}, json.dumps(body).encode(), 0)

    return MlflowApi("http://m", sender, {})


def test_every_list_has_an_entry_of_our_own() -> None:
    heard: list[tuple[str, str]] = []
    cluster, numbers = Cluster(["a", "b"]), ["7", "12", "7"]
    collect(numbers, _front(heard), cast(Kube, cluster), NAMES, "mlc-run")
    ((pod, *_, experiments, run, model),) = cluster.commands
    assert (pod, experiments, run, model) == ("a", "7,12,31", "r1", "m1")
    assert heard[-1][1].endswith("experiments/delete")
    assert numbers == []


def test_nothing_is_run_for_nothing() -> None:
    cluster = Cluster(["a"])
    collect([], _front([]), cast(Kube, cluster), NAMES, "mlc-run")
    assert cluster.commands == []


def test_without_a_ready_pod_it_fails_before_it_makes_anything() -> None:
    heard: list[tuple[str, str]] = []
    with pytest.raises(KubeFailed):
        collect(["7"], _front(heard), cast(Kube, Cluster([])), NAMES, "mlc-run")
    assert heard == []
