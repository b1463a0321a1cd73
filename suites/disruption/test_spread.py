# SPDX-License-Identifier: Apache-2.0
"""DIS-9: where replicas are."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.cluster.view import read_node
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.disruption.spreading import asks_for_spread, may_run
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
    Steps: read which node every ready replica is on, and what its pod asks of the scheduler.
    Expected: no node that they may run on holds more than its share by more than the profile's
    skew, which is no luck: every replica asks, by a constraint or an anti-affinity that is about
    pods with its own labels, not to be where others are.
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
    on_nodes = {node: count.get(node, 0) for node in sorted(_pool(nodes, pods) | set(count))}
    evidence.note("replicas per node", on_nodes, door="kubernetes")
    row = evidence.row(Spread)
    skew = max(on_nodes.values()) - min(on_nodes.values())
    evidence.expect("skew", "skew", skew, "<=", row.max_skew, door="kubernetes")
    evidence.expect(
        "nodes", "nodes in use", len(count), ">=", min(len(nodes), row.min_nodes),
        door="kubernetes",
    )  # fmt: skip
    silent = [p.name for p in pods if not asks_for_spread(p.raw, list(nodes.values()))]
    evidence.expect(
        "asked", "replicas that ask for no other node than others have", silent, "==", [],
        door="kubernetes",
    )  # fmt: skip


def _pool(nodes: Mapping[str, Mapping[str, str]], pods: Sequence[Pod]) -> set[str]:
    """Nodes that every pod may run on; all of them where that is one: it is about nodes."""
    pool = {name for name, labels in nodes.items() if all(may_run(p.raw, labels) for p in pods)}
    return pool if len(pool) > 1 else set(nodes)


def _usable_nodes(kube: Kube) -> dict[str, Mapping[str, str]]:
    """Labels of the nodes that are ready, not cordoned, and take pods without a toleration."""
    nodes = [(read_node(n), n["metadata"].get("labels") or {}) for n in kube.items("node")]
    return {n.name: labels for n, labels in nodes if n.ready and n.schedulable and n.takes_pods}
