# SPDX-License-Identifier: Apache-2.0
"""What MLflow's own pods reach: asked at once, and each cell held against its own promise."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.network_policy.matrix import Destination
from mlflow_conformance.network_policy.servers import cells_from_servers

NAMES = MlflowNames(deployment="mlflow", service="mlflow", selector={"app": "mlflow"})
STORE = Destination("postgresql service", "postgresql", "10.0.0.1", 5432)
API = Destination("cluster API", "elsewhere", "10.0.0.2", 443)
NODE = Destination("kubelet of one", "elsewhere", "10.0.0.3", 10250)


@dataclass
class Cluster:
    """Pods of MLflow that answer as they are told."""

    names: Sequence[str]
    answer: Callable[[str, Sequence[Mapping[str, Any]]], Sequence[str]]
    namespace: str = "mlflow"

    def ready_pods(self, selector: Mapping[str, str]) -> list[Pod]:
        assert selector == NAMES.selector
        return [
            Pod(n, "mlflow", f"uid-{n}", "10.0.1.1", "one", "Running", True, False, 0, None, {}, {})
            for n in self.names
        ]

    def exec_json(self, pod: str, *_: str, stdin: bytes, **__: object) -> list[dict[str, Any]]:
        return [
            {"outcome": said, "elapsed_s": 0.01} for said in self.answer(pod, json.loads(stdin))
        ]


def _cells(cluster: Cluster, allowed: list[Destination], denied: list[Destination]) -> list[str]:
    found = cells_from_servers(cast(Kube, cluster), NAMES, allowed, denied, 3)
    return [f"{c.source} {c.destination.name} {c.allowed} {c.outcomes[0]}" for c in found]


def test_each_pod_is_asked_once_and_all_at_the_same_time() -> None:
    together = threading.Barrier(2)

    def answer(_: str, asked: Sequence[Mapping[str, Any]]) -> list[str]:
        together.wait(10)  # of pods asked one after the other the first would wait in vain
        assert [a["host"] for a in asked] == [d.host for d in (STORE, API, NODE)]
        return ["open", "timeout", "timeout"]

    assert _cells(Cluster(["a", "b"], answer), [STORE], [API, NODE]) == [
        f"pod {pod} {told}"
        for pod in ("a", "b")
        for told in (
            "postgresql service True open",
            "cluster API False timeout",
            "kubelet of one False timeout",
        )
    ]


def test_what_one_pod_reaches_is_told_of_that_pod() -> None:
    def answer(pod: str, asked: Sequence[Mapping[str, Any]]) -> list[str]:
        return ["open" if pod == "b" else "timeout" for _ in asked]

    assert _cells(Cluster(["a", "b"], answer), [], [API]) == [
        "pod a cluster API False timeout",
        "pod b cluster API False open",
    ]


def test_without_a_ready_pod_nothing_is_shown() -> None:
    with pytest.raises(Undecided, match="no pod of MLflow is ready"):
        _cells(Cluster([], lambda *_: []), [STORE], [])
