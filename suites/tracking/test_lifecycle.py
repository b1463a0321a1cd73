# SPDX-License-Identifier: Apache-2.0
"""Deletion that can be undone."""

from typing import Any

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import (
    ARTIFACTS,
    ApiError,
    MlflowApi,
    NewRun,
    answer,
    error_of,
    new_run,
    served_path,
)
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.target.base import Target
from mlflow_conformance.tracking.answered import answered_run
from mlflow_conformance.tracking.garbage import collected_at_once
from mlflow_conformance.tracking.stored import stored_run
from mlflow_conformance.tracking.written import RunContent

_LOGGED: dict[str, list[dict[str, Any]]] = {
    "params": [{"key": "a", "value": "1"}],
    "metrics": [{"key": "loss", "value": 0.5, "timestamp": 17, "step": 3}],
    "tags": [{"key": "team", "value": "größe ☃"}],
}
_KEPT = ({"a": "1"}, {"loss": [3, 17, 0.5]}, "größe ☃")
_ARTIFACT = b"kept"


def _kept(run: RunContent) -> list[object]:
    """The stage of a run, its params, its latest metrics and the tag that it was given."""
    return [run.info.get("stage"), run.params, run.latest, run.tags.get("team")]


def _stored(evidence: Evidence, front: MlflowApi, run: NewRun) -> str | None:
    """Store an artifact of a run; its path at MLflow, None where MLflow takes none of runs itself.

    What it would take beside them is kept in its own pod, if at all, and is nobody's artifact.

    Raises:
        ApiError: MLflow refused it.
    """
    if (folder := served_path(run.artifact_uri)) is None:
        evidence.note("no artifact: clients store them without MLflow", run.artifact_uri)
        return None
    path = f"{ARTIFACTS}/{folder}/kept.txt"
    put = front.request("PUT", path, body=_ARTIFACT)
    if put.status == 503:
        evidence.note("no artifact: MLflow takes none itself", error_of(put)[1], door="front")
        return None
    if put.status != 200:
        raise ApiError("PUT of an artifact", put)
    return path


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
    target: Target,
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql_witness: Sql | None,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """A deleted run or experiment keeps its data, shows nowhere, takes no writes, and comes back.

    Steps:
        1. Delete a run: it stays with its param, metric, tag and artifact and is marked, as every
           replica and the front door say, and SQL where the profile names the database; searches
           leave it out; writes are refused.
        2. Restore it: all of it is back, and the front door says so at once.
        3. The same for its experiment; the name of a deleted experiment cannot be used again.
        4. In a cluster no CronJob runs `mlflow gc` without `--older-than`: by the next time that it
           runs what was deleted is gone for good.
    """
    name = unique("lifecycle")
    made = answer("experiments/create", front.post("experiments/create", name=name))
    experiment = belongings.experiment(made["experiment_id"])
    run = new_run(front, experiment)
    run_id = run.run_id
    logged = front.post("runs/log-batch", run_id=run_id, **_LOGGED)
    answer("runs/log-batch", logged)
    artifact = _stored(evidence, front, run)

    def expect_run(step: str, stage: str, *, listed: bool) -> None:
        if sql_witness:
            evidence.expect(
                "sql.run", f"{step}: rows of the run", _kept(stored_run(sql_witness, run_id)),
                "==", [stage, *_KEPT], door="sql",
            )  # fmt: skip
        shown = answer("runs/get", front.get("runs/get", run_id=run_id))
        evidence.expect(
            "front.run", f"{step}: the front door says", _kept(answered_run(shown["run"])),
            "==", [stage, *_KEPT], door="front",
        )  # fmt: skip
        if artifact is not None:
            served = front.request("GET", artifact)
            evidence.expect(
                "front.artifact", f"{step}: artifact of the run", [served.status, served.text],
                "==", [200, _ARTIFACT.decode()], door="front",
            )  # fmt: skip
        for number, replica in enumerate(replicas, 1):
            found = answer("runs/get", replica.get("runs/get", run_id=run_id))["run"]
            evidence.expect(
                "replica.run", f"{step}: replica {number} says", _kept(answered_run(found)),
                "==", [stage, *_KEPT], door="inside",
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
    if target.kube is not None:
        evidence.expect(
            "gc.at-once", "CronJobs that remove for good what was only just deleted",
            list(collected_at_once(target.kube)), "==", [], door="kubernetes",
        )  # fmt: skip
