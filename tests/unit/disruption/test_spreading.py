# SPDX-License-Identifier: Apache-2.0
"""What pods ask of the scheduler, read from their specifications."""

from typing import Any

import pytest

from mlflow_conformance.disruption.spreading import asks_for_spread, may_run

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
NODES = [{HOST: "a", ZONE: "z", "cores": "8"}, {HOST: "b", ZONE: "z", "cores": "16"}]
MINE = {"matchLabels": {"app": "mlflow"}}


def _pod(**spec: Any) -> dict[str, Any]:
    labels = {"app": "mlflow", "pod-template-hash": "1"}
    return {"metadata": {"namespace": "ml", "labels": labels}, "spec": spec}


def _apart(selector: Any = MINE, key: str = HOST, **more: Any) -> dict[str, Any]:
    term = {"topologyKey": key, **({"labelSelector": selector} if selector else {}), **more}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": term}]}


def _anti(against: dict[str, Any]) -> dict[str, Any]:
    return _pod(affinity={"podAntiAffinity": against})


def _spread(selector: Any, key: str = HOST) -> dict[str, Any]:
    return _pod(topologySpreadConstraints=[{"topologyKey": key, "labelSelector": selector}])


@pytest.mark.parametrize(
    ("pod", "asks"),
    [
        (_pod(), False),
        (_pod(affinity={"nodeAffinity": {}}), False),
        (_anti(_apart()), True),
        (
            _anti(
                {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": HOST, "labelSelector": MINE}
                    ]
                }
            ),
            True,
        ),
        (_anti(_apart({"matchLabels": {"app": "mlfow"}})), False),
        (_anti(_apart(selector=None)), False),
        (_anti(_apart(key=ZONE)), False),
        (_anti(_apart(namespaces=["other"])), False),
        (_anti(_apart(namespaces=["ml"])), True),
        (_spread(MINE), True),
        (_spread({"matchExpressions": [{"key": "app", "operator": "Exists"}]}), True),
        (_spread({"matchLabels": {"app": "postgresql"}}), False),
        (_spread(MINE, key="no-node-has-it"), False),
    ],
)
def test_a_wish_counts_that_is_about_pods_of_its_own_kind(pod: dict[str, Any], asks: bool) -> None:
    assert asks_for_spread(pod, NODES) is asks


def _affinity(*expressions: dict[str, Any]) -> dict[str, Any]:
    terms = [{"matchExpressions": [e]} for e in expressions]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return _pod(affinity={"nodeAffinity": required})


@pytest.mark.parametrize(
    ("pod", "nodes"),
    [
        (_pod(), "ab"),
        (_pod(nodeSelector={HOST: "a"}), "a"),
        (_affinity({"key": HOST, "operator": "NotIn", "values": ["a"]}), "b"),
        (_affinity({"key": "cores", "operator": "Gt", "values": ["8"]}), "b"),
        (_affinity({"key": "cores", "operator": "Lt", "values": ["9"]}), "a"),
        (_affinity({"key": "memory", "operator": "Gt", "values": ["1"]}), ""),
        (
            _affinity(
                {"key": HOST, "operator": "In", "values": ["a"]},
                {"key": "cores", "operator": "Exists"},
            ),
            "ab",
        ),
    ],
)
def test_nodes_that_a_pod_may_run_on(pod: dict[str, Any], nodes: str) -> None:
    assert "".join(n[HOST] for n in NODES if may_run(pod, n)) == nodes
