# SPDX-License-Identifier: Apache-2.0
"""LAT-1.others: how long those operations take that no load is mixed from."""

from mlflow_conformance.doors.mlflow import MlflowApi, new_run
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.latency.others import asked, calls
from mlflow_conformance.latency.thresholds import OtherOperations
from mlflow_conformance.load.expectations import note_others
from mlflow_conformance.load.machine import OthersCpu
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.machine import cluster_cpu


@check(
    "LAT-1.others",
    impact="Whoever registers a model, stores a file or deletes a run waits for seconds.",
    remedy="Look at PostgreSQL's slow statements and at the object store for the operation named.",
    writes=("mlflow",),
)
def test_other_operations_answer_in_time(
    evidence: Evidence,
    target: Target,
    front: MlflowApi,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """Operations that the load does not hold answer in time and without errors as well.

    Preconditions: MLflow is ready, and stores artifacts for its clients.
    Steps: make runs; send a few requests of each kind through the front door, one after the other:
    params, searches, artifacts, the registry, deletion and restoring.
    Expected: every one is answered with 200, and of each kind half of them in time; when others
    took more of this machine's CPU than the profile allows, what is too slow decides nothing.
    """
    row = evidence.row(OtherOperations)
    runs = [new_run(front, experiment) for _ in range(row.each)]
    models = [belongings.model(unique("model")) for _ in range(row.each)]
    kinds = calls(front, experiment, runs, models, bytes(row.bytes))
    with OthersCpu(cluster_cpu(target)) as others:
        found = dict(asked(kinds, row.each))
    starved = note_others(evidence, others.most(), row.others_cpu)
    evidence.expect(
        "failed", "operations that failed, with statuses",
        {name: list(seen.failed) for name, seen in found.items() if seen.failed}, "==", {},
        door="front",
    )  # fmt: skip
    for name, seen in found.items():
        evidence.expect(
            "median", f"{name}, median of {row.each}", seen.median_s, "<=", row.median_s, unit="s",
            door="front", unless=starved,
        )  # fmt: skip
