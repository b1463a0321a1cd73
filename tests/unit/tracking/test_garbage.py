# SPDX-License-Identifier: Apache-2.0
"""The one rule of `mlflow gc`: no list is ever left out."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.tracking.garbage import collect, collected_at_once

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
        """One object with a name and an address for each."""
        return [type("Pod", (), {"name": name, "ip": "10.0.0.7"}) for name in self.pods]

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


def test_the_server_is_asked_by_the_address_that_its_replicas_are_asked_by() -> None:
    cluster = Cluster(["a"])
    collect(["7"], _front([]), cast(Kube, cluster), NAMES, "mlc-run")
    assert "http://10.0.0.7:5000" in cluster.commands[0]


@pytest.mark.parametrize(
    ("of_worker", "expected"),
    [
        ("_MLFLOW_SERVER_FILE_STORE=postgresql://by-the-command-line", "by-the-command-line"),
        ("OTHER=x", "by-the-environment"),
    ],
)
def test_the_address_of_the_database_is_the_one_that_the_server_uses(
    of_worker: str, expected: str, tmp_path: Path
) -> None:
    cluster = Cluster(["a"])
    collect(["7"], _front([]), cast(Kube, cluster), NAMES, "mlc-run")
    _, shell, option, script, *arguments = cluster.commands[0]
    told = tmp_path / "told"
    (tmp_path / "mlflow").write_text(f'#!/bin/sh\necho "$@" > {told}\n', encoding="utf-8")
    (tmp_path / "mlflow").chmod(0o755)
    processes = tmp_path / "proc" / "8"
    processes.mkdir(parents=True)
    (processes / "environ").write_text(f"HOME=/\0{of_worker}\0", encoding="utf-8")
    subprocess.run(
        [shell, option, script.replace("/proc/", f"{tmp_path}/proc/"), *arguments],
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "MLFLOW_BACKEND_STORE_URI": "postgresql://by-the-environment",
        },
        input=b"",
        check=True,
    )
    asked = told.read_text(encoding="utf-8").split()
    assert asked[:3] == ["gc", "--backend-store-uri", f"postgresql://{expected}"]


def test_nothing_is_run_for_nothing() -> None:
    cluster = Cluster(["a"])
    collect([], _front([]), cast(Kube, cluster), NAMES, "mlc-run")
    assert cluster.commands == []


def test_without_a_ready_pod_it_fails_before_it_makes_anything() -> None:
    heard: list[tuple[str, str]] = []
    with pytest.raises(KubeFailed):
        collect(["7"], _front(heard), cast(Kube, Cluster([])), NAMES, "mlc-run")
    assert heard == []


@pytest.mark.parametrize(
    ("command", "suspend", "found"),
    [
        (["mlflow", "gc"], False, ["tidy"]),
        (["sh", "-c", "set -e; mlflow gc --older-than 30d"], False, []),
        (["python", "-m", "mlflow", "gc", "--older-than=0d0h"], False, ["tidy"]),
        (["mlflow", "gc"], True, []),
        (["mlflow", "gcp"], False, []),
        ([], False, []),
    ],
)
def test_who_leaves_no_time_to_take_a_deletion_back(
    command: list[str], suspend: bool, found: list[str]
) -> None:
    spec = {"template": {"spec": {"containers": [{"name": "a"}, {"name": "b", "args": command}]}}}
    job = {
        "kind": "CronJob", "metadata": {"name": "tidy"},
        "spec": {"suspend": suspend, "jobTemplate": {"spec": spec}},
    }  # fmt: skip
    cluster = type("Jobs", (), {"items": lambda _self, _kind: [job]})()
    assert list(collected_at_once(cast(Kube, cluster))) == found
