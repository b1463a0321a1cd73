# SPDX-License-Identifier: Apache-2.0
"""Which pods a drain would wait for, asked of an API server."""

from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.disruption.drains import held


def _server(answer: dict[str, Any]) -> ApiServer:
    server = ApiServer()
    server.have("Pod", "one")
    for name, owner in (("agent", "DaemonSet"), ("static", "Node")):
        server.have("Pod", name, metadata={"ownerReferences": [{"kind": owner}]})
    server.have("Pod", "done", status={"phase": "Succeeded"})
    server.have("Pod", "neighbour", namespace="elsewhere")
    server.answers["eviction"] = answer
    return server


CAUSES = [{"reason": "DisruptionBudget", "message": "The disruption budget x needs 1 healthy pods"}]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"code": 201}, []),
        ({"code": 404, "reason": "NotFound"}, []),
        (
            {"code": 429, "reason": "TooManyRequests", "details": {"causes": CAUSES}},
            ["one: The disruption budget x needs 1 healthy pods"],
        ),
        (
            {"code": 500, "reason": "InternalError", "message": "more than one budget"},
            ["one: eviction of pod one: 500 InternalError: more than one budget"],
        ),
    ],
)
def test_pods_that_may_not_go(tmp_path: Path, answer: dict[str, Any], said: list[str]) -> None:
    with _server({"kind": "Status", **answer}) as server:
        assert [str(h) for h in held(server.kube(tmp_path))] == said
        (asked,) = (r for r in server.requests if r.method == "POST")
    assert asked.body["deleteOptions"] == {"dryRun": ["All"]}


@pytest.mark.parametrize(
    ("budgets", "operator"),
    [
        ([], ""),
        ([{"kind": "Cluster", "name": "db", "controller": True}], "Cluster/db"),
        ([{"kind": "Cluster", "name": "db"}], ""),
        ([None], ""),
        ([None, {"kind": "Cluster", "name": "db", "controller": True}], ""),
    ],
)
def test_a_budget_that_an_operator_made_is_told(
    budgets: list[dict[str, Any] | None], operator: str, tmp_path: Path
) -> None:
    refusal = {"code": 429, "reason": "TooManyRequests", "details": {"causes": CAUSES}}
    with _server({"kind": "Status", **refusal}) as server:
        server.have("Pod", "one", metadata={"labels": {"app": "db"}})
        for n, owner in enumerate(budgets):
            server.have(
                "PodDisruptionBudget", f"b{n}", spec={"selector": {"matchLabels": {"app": "db"}}},
                metadata={"ownerReferences": [owner]} if owner else {},
            )  # fmt: skip
        server.have(
            "PodDisruptionBudget", "another", spec={"selector": {"matchLabels": {"x": "y"}}}
        )
        (seen,) = held(server.kube(tmp_path))
    assert seen.operator == operator


def test_an_api_server_that_does_not_answer_refuses_nothing(tmp_path: Path) -> None:
    with _server({}) as server:
        kube = server.kube(tmp_path)
        kube.items("pod")
    with pytest.raises(KubeFailed):
        held(kube)
