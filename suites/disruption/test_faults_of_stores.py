# SPDX-License-Identifier: Apache-2.0
"""DIS-4 to DIS-6: faults of PostgreSQL and of the object store, under load.

The load, and what a check says of the fault itself, are as in `test_faults`.
"""

from mlflow_conformance.disruption import judging
from mlflow_conformance.disruption.thresholds import (
    FaultBounds,
    HeldFaultBounds,
)
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.disruption import Trial


@check(
    "DIS-4",
    impact="A crash of PostgreSQL loses data, or MLflow does not come back by itself.",
    remedy="PostgreSQL on a volume of its own with fsync on; no liveness probe of MLflow that "
    "needs the database.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_postgresql_crash(evidence: Evidence, trial: Trial) -> None:
    """A crash of PostgreSQL loses nothing, is told clearly, and needs no restart of MLflow.

    Preconditions: the deployment is whole, and the load runs.
    Steps: kill every process of PostgreSQL's container in its node.
    Expected: another container in the same pod; failures are clear, and over in time; no container
    of MLflow was restarted; every acknowledged write is there.
    """
    row = evidence.row(FaultBounds)
    seen = trial.of("postgresql-crash", row)
    judging.expect_spared(evidence, seen)
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-4.deletion",
    impact="PostgreSQL loses data when its pod is replaced.",
    remedy="PostgreSQL on a persistent volume.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_postgresql_deletion(evidence: Evidence, trial: Trial) -> None:
    """A new pod of PostgreSQL has every acknowledged write, and MLflow finds it by itself.

    Preconditions: the deployment is whole, and the load runs.
    Steps: delete PostgreSQL's pod.
    Expected: another pod; failures are clear, and over in time; no container of MLflow was
    restarted; every acknowledged write is there.
    """
    row = evidence.row(FaultBounds)
    seen = trial.of("postgresql-deletion", row)
    judging.expect_spared(evidence, seen)
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-4.hang",
    impact="MLflow hangs for longer than its database did.",
    remedy="Time-outs on MLflow's connections to the database.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_postgresql_hang(evidence: Evidence, trial: Trial) -> None:
    """MLflow serves again soon after PostgreSQL hung, and no write is lost.

    Preconditions: the deployment is whole, and the load runs.
    Steps: stop every process of PostgreSQL's container; hold; let it go on.
    Expected: its processes were stopped all the while; failures are over in time; no container of
    MLflow was restarted; every acknowledged write is there.
    """
    row = evidence.row(HeldFaultBounds)
    seen = trial.of("postgresql-hang", row)
    judging.expect_spared(evidence, seen)
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-5",
    impact="A crash of the object store takes tracking with it, or loses artifacts.",
    remedy="No probe of MLflow that needs the object store; the object store on a volume.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_s3_crash(evidence: Evidence, trial: Trial) -> None:
    """A crash of the object store does not touch tracking, and loses no artifact.

    Preconditions: the deployment is whole, and the load runs.
    Steps: kill every process of the object store's container in its node.
    Expected: another container in the same pod; no more failed reads than promised; no container of
    MLflow was restarted; every acknowledged metric and artifact is there, byte for byte.
    """
    row = evidence.row(FaultBounds)
    seen = trial.of("s3-crash", row)
    judging.expect_spared(evidence, seen)
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-6",
    impact="MLflow hangs for minutes after the network to its database is back.",
    remedy="TCP time-outs and keep-alives on MLflow's connections to the database.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_postgresql_partition(evidence: Evidence, trial: Trial) -> None:
    """MLflow serves again soon after it was cut off from PostgreSQL, and no write is lost.

    Preconditions: the deployment is whole, and the load runs.
    Steps: drop every packet between PostgreSQL and MLflow's pods; hold; let them pass.
    Expected: packets were dropped; failures are over in time; no container of MLflow was restarted;
    every acknowledged write is there.
    """
    row = evidence.row(HeldFaultBounds)
    seen = trial.of("postgresql-partition", row)
    judging.expect_spared(evidence, seen)
    judging.expect_served(evidence, seen, row)


@check(
    "DIS-6.s3",
    impact="Tracking stands still while the object store cannot be reached.",
    remedy="Time-outs on the object store's client, and workers enough for what waits.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_s3_partition(evidence: Evidence, trial: Trial) -> None:
    """Tracking goes on while MLflow is cut off from the object store, and no write is lost.

    Preconditions: the deployment is whole, and the load runs.
    Steps: drop every packet between the object store and MLflow's pods; hold; let them pass.
    Expected: packets were dropped; no more failed reads than promised; no container of MLflow was
    restarted; every acknowledged metric and artifact is there.
    """
    row = evidence.row(HeldFaultBounds)
    seen = trial.of("s3-partition", row)
    judging.expect_spared(evidence, seen)
    judging.expect_served(evidence, seen, row)
