# SPDX-License-Identifier: Apache-2.0
"""Deletion that can be undone."""

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique


def _said(reply: Reply) -> list[object]:
    return [reply.status, error_of(reply)[0] if reply.status != 200 else ""]


@check(
    "TRK-5",
    impact="A mistaken deletion cannot be undone, or what was deleted still shows.",
    remedy="Look at lifecycle_stage in the tables runs and experiments, and for a cache between.",
    writes=("mlflow",),
)
def test_soft_delete(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql_witness: Sql | None,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """A deleted run or experiment keeps its data, shows nowhere, takes no writes, and comes back.

    Steps:
        1. Delete a run: it and its param stay and are marked, also in SQL where the profile names
           the database; searches leave it out; writes are refused.
        2. Restore it: all of it is back.
        3. The same for its experiment; the name of a deleted experiment cannot be used again.
    """
    name = unique("lifecycle")
    made = answer("experiments/create", front.post("experiments/create", name=name))
    experiment = belongings.experiment(made["experiment_id"])
    run_id = new_run(front, experiment).run_id
    answer(
        "runs/log-parameter", front.post("runs/log-parameter", run_id=run_id, key="a", value="1")
    )

    def expect_run(step: str, stage: str, *, listed: bool) -> None:
        if sql_witness:
            evidence.expect(
                "sql.run", f"{step}: row of the run",
                sql_witness.rows(
                    "SELECT r.lifecycle_stage, p.value FROM runs r "
                    "JOIN params p ON p.run_uuid = r.run_uuid WHERE r.run_uuid = %s",
                    run_id,
                ),
                "==", [[stage, "1"]], door="sql",
            )  # fmt: skip
        for number, replica in enumerate(replicas, 1):
            found = answer("runs/get", replica.get("runs/get", run_id=run_id))["run"]
            evidence.expect(
                "replica.run", f"{step}: replica {number} says",
                [found["info"]["lifecycle_stage"], found["data"].get("params", [])],
                "==", [stage, [{"key": "a", "value": "1"}]], door="inside",
            )  # fmt: skip
            search = replica.post("runs/search", experiment_ids=[experiment])
            evidence.expect(
                "replica.runs", f"{step}: replica {number} lists",
                [r["info"]["run_id"] for r in answer("runs/search", search).get("runs", [])],
                "==", [run_id] if listed else [], door="inside",
            )  # fmt: skip

    def expect_experiment(step: str, stage: str, *, listed: bool) -> None:
        if sql_witness:
            evidence.expect(
                "sql.experiment", f"{step}: row of the experiment",
                sql_witness.column(
                    "SELECT lifecycle_stage FROM experiments WHERE experiment_id = %s",
                    int(experiment),
                ),
                "==", [stage], door="sql",
            )  # fmt: skip
        for number, replica in enumerate(replicas, 1):
            search = replica.post("experiments/search", filter=f"name = '{name}'", max_results=10)
            found = answer("experiments/search", search).get("experiments", [])
            evidence.expect(
                "replica.experiments", f"{step}: replica {number} lists",
                [e["experiment_id"] for e in found],
                "==", [experiment] if listed else [], door="inside",
            )  # fmt: skip

    def done(what: str, reply: Reply) -> None:
        evidence.expect("done", what, _said(reply), "==", [200, ""], door="front")

    def refused(what: str, reply: Reply, code: str) -> None:
        evidence.expect("refused", what, _said(reply), "==", [400, code], door="front")

    expect_run("at first", "active", listed=True)
    done("delete the run", front.post("runs/delete", run_id=run_id))
    expect_run("run deleted", "deleted", listed=False)
    refused(
        "log to the deleted run",
        front.post("runs/log-parameter", run_id=run_id, key="b", value="2"),
        "INVALID_PARAMETER_VALUE",
    )
    done("restore the run", front.post("runs/restore", run_id=run_id))
    expect_run("run restored", "active", listed=True)

    done("delete the experiment", front.post("experiments/delete", experiment_id=experiment))
    expect_experiment("experiment deleted", "deleted", listed=False)
    refused(
        "make an experiment of the deleted one's name",
        front.post("experiments/create", name=name),
        "RESOURCE_ALREADY_EXISTS",
    )
    refused(
        "make a run in the deleted experiment",
        front.post("runs/create", experiment_id=experiment),
        "INVALID_PARAMETER_VALUE",
    )
    done("restore the experiment", front.post("experiments/restore", experiment_id=experiment))
    expect_experiment("experiment restored", "active", listed=True)
    expect_run("experiment restored", "active", listed=True)
