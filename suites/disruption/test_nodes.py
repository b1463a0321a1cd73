# SPDX-License-Identifier: Apache-2.0
"""DIS-7: a node that stops without a word, and comes back.

The same load as in `test_faults`, and the same judgement.
"""

from mlflow_conformance.disruption import judging
from mlflow_conformance.disruption.thresholds import HeldReplicaFaultBounds
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.disruption import Trial


@check(
    "DIS-7",
    impact="One machine that loses its power takes MLflow with it, or half of its requests for as "
    "long as the machine is away.",
    remedy="Two replicas on two nodes, and a Service that lists ready pods alone.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_node_stops(evidence: Evidence, trial: Trial) -> None:
    """A node that stops takes its share of the requests no longer than Kubernetes needs to see it.

    Preconditions: replicas are ready on two nodes, and the load runs.
    Steps: freeze a node that has a pod of MLflow and no store; hold until Kubernetes has missed its
    heartbeat; let it go on.
    Expected: the node was frozen and told not ready; no longer without an answer, and no more
    failures, than promised; every acknowledged write is there; the deployment is whole again.
    """
    row = evidence.row(HeldReplicaFaultBounds)
    judging.expect_replicas(evidence, trial.campaign.replicas(), row.replicas)
    seen = trial.of("node-stop", row)
    judging.expect_served(evidence, seen, row)
