# SPDX-License-Identifier: Apache-2.0
"""DIS-2, DIS-3, DIS-8 and DIS-11: faults of MLflow's own pods and nodes, under load.

In all of them the same load goes on: reads at even intervals through the front door, each sent
once on a connection of its own, and writers whose acknowledged writes are read back through MLflow,
SQL and the bucket. What a check says of the fault itself is in scenarios/<name>/.
"""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.disruption import judging
from mlflow_conformance.disruption.proofs import disturbed_decoys, disturbed_neighbours
from mlflow_conformance.disruption.revisions import earlier_revisions
from mlflow_conformance.disruption.thresholds import (
    HeldReplicaFaultBounds,
    PlayedBounds,
    ReplicaFaultBounds,
    UpdateBounds,
)
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.disruption import Trial
from mlflow_conformance.target.base import Target


@check(
    "DIS-8",
    impact="Every restart of MLflow, as after a change of a Secret, breaks requests.",
    remedy="maxUnavailable 0, a preStop pause longer than the spread of endpoints, and a readiness "
    "probe that a pod passes only when it serves.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_rolling_restart(evidence: Evidence, trial: Trial) -> None:
    """A rolling restart costs no request and no write.

    Preconditions: every replica is ready, and the load runs.
    Steps: restart the rollout; wait until it is complete.
    Expected: every pod has a new UID, not one request failed, every acknowledged write is there.
    """
    row = evidence.row(ReplicaFaultBounds)
    judging.expect_replicas(evidence, trial.campaign.replicas(), row.replicas)
    seen = trial.of("mlflow-rolling-restart", row)
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-8.update",
    impact="Every update of MLflow breaks requests.",
    remedy="maxUnavailable 0, a preStop pause longer than the spread of endpoints, and a readiness "
    "probe that a pod passes only when it serves.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_rolling_update(evidence: Evidence, target: Target, kube: Kube, trial: Trial) -> None:
    """A rolling update and its rollback cost no request and no write, and more can be taken back.

    Preconditions: every replica is ready, and the load runs.
    Steps: change the specification of MLflow's pods; wait until the rollout is complete; change it
    back; wait again; read which earlier specifications are kept.
    Expected: every pod has a new UID, not one request failed, every acknowledged write is there;
    what was deployed before can be deployed again without the files that it came from.
    """
    row = evidence.row(UpdateBounds)
    judging.expect_replicas(evidence, trial.campaign.replicas(), row.replicas)
    seen = trial.of("mlflow-rolling-update", row)
    names = target.names.mlflow
    evidence.expect(
        "revisions", "earlier specifications that are kept",
        len(earlier_revisions(kube, names.kind, names.deployment)), ">=", row.revisions,
        door="kubernetes",
    )  # fmt: skip
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-8.broken",
    impact="A misspelt image takes MLflow down.",
    remedy="maxUnavailable 0, so that no old pod goes before a new one is ready.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_broken_update(evidence: Evidence, trial: Trial) -> None:
    """An update to an image that does not exist stops, and the old pods go on serving.

    Preconditions: every replica is ready, and the load runs.
    Steps: update to the image; wait until the rollout is stuck; hold it; put it back.
    Expected: the pods of before are untouched, not one request failed, every acknowledged write is
    there.
    """
    row = evidence.row(HeldReplicaFaultBounds)
    judging.expect_replicas(evidence, trial.campaign.replicas(), row.replicas)
    seen = trial.of("mlflow-broken-update", row)
    judging.expect_spared(evidence, seen)
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-2",
    impact="Every upgrade of a node breaks requests, or cannot be finished.",
    remedy="Two replicas on two nodes, a disruption budget that leaves one to go, and a preStop "
    "pause longer than the spread of endpoints.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_drain(evidence: Evidence, trial: Trial) -> None:
    """The drain of a node costs no request and no write.

    Preconditions: every replica is ready, and the load runs.
    Steps: cordon a node that has a pod of MLflow and none of PostgreSQL; evict what runs on it;
    wait until MLflow has all its pods elsewhere; uncordon it and spread the pods again.
    Expected: the drain comes to its end, not one request failed, every acknowledged write is there.
    """
    row = evidence.row(ReplicaFaultBounds)
    judging.expect_replicas(evidence, trial.campaign.replicas(), row.replicas)
    seen = trial.of("mlflow-drain", row)
    drained = seen.played.journal.output("drain_node")
    evidence.note("evictions that a budget refused for a while", drained["refused"])
    evidence.expect("left", "left on the node", drained["left"], "==", [], door="kubernetes")
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-3",
    impact="The crash of one pod is felt for longer than promised.",
    remedy="Two replicas, and a readiness probe with a short period.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_crash(evidence: Evidence, trial: Trial) -> None:
    """The crash of one of MLflow's pods is over soon, and costs no write.

    Preconditions: two replicas are ready, and the load runs.
    Steps: kill every process of one pod's container in its node.
    Expected: another container in the same pod; no longer without an answer, and no longer with
    failures, than promised; every acknowledged write is there.
    """
    row = evidence.row(ReplicaFaultBounds)
    judging.expect_replicas(evidence, trial.campaign.replicas(), row.replicas)
    seen = trial.of("mlflow-crash", row)
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-3.deletion",
    impact="Deleting one pod breaks requests.",
    remedy="A preStop pause longer than the spread of endpoints, and a grace period beyond it.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_deletion(evidence: Evidence, trial: Trial) -> None:
    """The deletion of one of MLflow's pods costs no request and no write.

    Preconditions: two replicas are ready, and the load runs.
    Steps: delete one pod with its grace period.
    Expected: another pod; no more failed requests than promised; every acknowledged write is there.
    """
    row = evidence.row(ReplicaFaultBounds)
    judging.expect_replicas(evidence, trial.campaign.replicas(), row.replicas)
    seen = trial.of("mlflow-deletion", row)
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-3.hang",
    impact="One pod that hangs takes its share of the requests with it for minutes.",
    remedy="A readiness probe whose period, time-out and threshold together stay below the bound.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_hang(evidence: Evidence, trial: Trial) -> None:
    """A pod that hangs is taken out of the Service, and costs no write.

    Preconditions: two replicas are ready, and the load runs.
    Steps: stop every process of one pod's container; hold; let it go on.
    Expected: its processes were stopped all the while; no longer with failures than promised; every
    acknowledged write is there.
    """
    row = evidence.row(HeldReplicaFaultBounds)
    judging.expect_replicas(evidence, trial.campaign.replicas(), row.replicas)
    seen = trial.of("mlflow-hang", row)
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-11",
    impact="A fault in one place spreads to others that have nothing to do with it.",
    remedy="See which pod was touched; a liveness probe that needs a neighbour is the usual cause.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_decoys(evidence: Evidence, trial: Trial) -> None:
    """No fault touched a pod that its scenario had no business with.

    Preconditions: faults were made; a crash of PostgreSQL is made if there was none.
    Steps: compare every other pod of the deployment before and after each fault; pods of Jobs end
    by themselves, and pods in other namespaces are the business of others. Count what failed of the
    load before, between and after the faults, when nobody had reason to fail.
    Expected: the same UIDs, the same containers, the same numbers of restarts; no more failures
    without a fault than noise.
    """
    row = evidence.row(PlayedBounds)
    if not any(d.scenario.name == "postgresql-crash" for d in trial.campaign.history):
        trial.made("postgresql-crash", row)
    touched = [
        f"{seen.scenario.name}: {what}"
        for seen in trial.campaign.history
        for what in disturbed_decoys(seen.played)
    ]
    neighbours = [w for seen in trial.campaign.history for w in disturbed_neighbours(seen.played)]
    evidence.note("pods of others that changed meanwhile", neighbours, door="kubernetes")
    evidence.note("scenarios", [seen.scenario.name for seen in trial.campaign.history])
    evidence.expect("decoys.all", "decoys that were touched", touched, "==", [], door="kubernetes")
    judging.expect_undisturbed(evidence, trial.campaign.calm(), row)
