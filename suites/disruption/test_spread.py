# SPDX-License-Identifier: Apache-2.0
"""DIS-9: where replicas are."""

from collections import Counter

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.view import read_node
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.disruption.thresholds import Spread
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target


@check(
    "DIS-9",
    impact="One node takes every replica of MLflow with it.",
    remedy="Spread MLflow's pods by a topologySpreadConstraint or an anti-affinity over nodes.",
    writes=(),
)
def test_replicas_are_spread(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter
) -> None:
    """Ready replicas are spread over the nodes that may run them.

    Preconditions: at least two ready replicas and two nodes that may run them.
    Steps: read which node every ready replica is on.
    Expected: no node holds more than its share by more than the profile's skew.
    """
    names = target.names.mlflow
    pods = waiter.until(
        "ready: every replica of MLflow",
        lambda: [p for p in kube.pods(names.selector) if p.replica and not p.terminating],
        done=lambda seen: bool(seen) and all(p.ready for p in seen),
        timeout="pod ready",
    )
    nodes = _usable_nodes(kube)
    if len(nodes) < 2 or len(pods) < 2:
        evidence.undecided(f"{len(pods)} replicas on {len(nodes)} usable nodes show no spread")
    count = Counter(p.node or "none" for p in pods)
    on_nodes = {node: count.get(node, 0) for node in sorted(nodes | set(count))}
    evidence.note("replicas per node", on_nodes, door="kubernetes")
    row = evidence.row(Spread)
    skew = max(on_nodes.values()) - min(on_nodes.values())
    evidence.expect("skew", "skew", skew, "<=", row.max_skew, door="kubernetes")
    evidence.expect(
        "nodes", "nodes in use", len(count), ">=", min(len(nodes), row.min_nodes),
        door="kubernetes",
    )  # fmt: skip


def _usable_nodes(kube: Kube) -> set[str]:
    """Nodes that are ready, not cordoned, and take pods without a toleration."""
    nodes = map(read_node, kube.items("node"))
    return {node.name for node in nodes if node.ready and node.schedulable and node.takes_pods}
