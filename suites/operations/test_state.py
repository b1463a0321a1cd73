# SPDX-License-Identifier: Apache-2.0
"""OPS: what state a deployment is in before anything is asked of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.operations import steadiness
from mlflow_conformance.operations.thresholds import Steady
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.own_pods import OWNER, OWNER_LABEL
from mlflow_conformance.target.revisions import needed


@check(
    "OPS-6",
    impact="A component fails again and again, and users see some of it.",
    remedy="See `kubectl describe pod` and `kubectl logs --previous` of the container named: raise "
    "its memory limit where it was killed for that, or mend what keeps it from running.",
    writes=(),
)
def test_containers_run_on(evidence: Evidence, kube: Kube) -> None:
    """No container was killed for its memory or restarts again and again, and every pod is ready.

    Preconditions: none.
    Steps: read the status of every pod of the namespace but this suite's.
    Expected: no container that was killed for its memory in its run before this one; restarts
    within the profile's bound, and nobody waits for the next one; pods older than their time to
    start are ready, and none of them is stuck.
    """
    row = evidence.row(Steady)
    pods = _pods(evidence, kube)
    evidence.expect(
        "killed", "containers killed for their memory", _killed(pods), "==", {}, door="kubernetes"
    )
    often = {
        name: steadiness.restarting(pod, row.restarts, row.lasting_s) for name, pod in pods.items()
    }
    evidence.expect(
        "restarts", "containers that restart again and again",
        {name: again for name, again in often.items() if again}, "==", {}, door="kubernetes",
    )  # fmt: skip
    now = datetime.now(UTC)
    waits = {name: steadiness.unready(pod, now, row.starting_s) for name, pod in pods.items()}
    evidence.expect(
        "unready", "pods that are not ready", {name: why for name, why in waits.items() if why},
        "==", {}, door="kubernetes",
    )  # fmt: skip


@check(
    "OPS-6.after",
    impact="Under load or a fault a component is killed for its memory, and requests with it.",
    remedy="Raise the memory limit of the container named, or give it less to do at once.",
    writes=(),
)
def test_no_memory_ran_out_meanwhile(evidence: Evidence, kube: Kube) -> None:
    """After all that was asked of the deployment no container was killed for its memory.

    Preconditions: the checks above it were run: load, faults, backups and restores.
    Steps: read the status of every pod of the namespace but this suite's.
    Expected: no container that was killed for its memory, now or in its run before this one.
    """
    evidence.expect(
        "killed", "containers killed for their memory", _killed(_pods(evidence, kube)), "==", {},
        door="kubernetes",
    )  # fmt: skip


def _pods(evidence: Evidence, kube: Kube) -> dict[str, Mapping[str, Any]]:
    """Every pod of the namespace but this suite's, as the API server has it, by name."""
    found = {p.name: p.raw for p in kube.pods({}) if p.labels.get(OWNER_LABEL) != OWNER}
    if not found:
        evidence.undecided("the namespace has no pods")
    evidence.note("pods", sorted(found), door="kubernetes")
    return found


def _killed(pods: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """The containers that were killed for their memory, by pod."""
    killed = {name: steadiness.out_of_memory(pod) for name, pod in pods.items()}
    return {name: containers for name, containers in killed.items() if containers}


@check(
    "OPS-7",
    impact="The next pod of MLflow does not start, or requests fail for tables that it does not "
    "know.",
    remedy="Run the migration of the image that is deployed (`mlflow db upgrade`), or go back to "
    "the image whose schema the database has.",
    writes=("cluster",),
)
def test_the_schema_is_the_images(evidence: Evidence, target: Target, kube: Kube, sql: Sql) -> None:
    """The database's schema is the one that the MLflow of every running pod needs.

    Preconditions: SQL answers, by an account that may read Alembic's table; MLflow's container has
    Python.
    Steps: read the revision by SQL; in every ready pod read MLflow's own migrations.
    Expected: one revision, and in every pod the same.
    """
    names = target.names.mlflow
    ready = kube.ready_pods(names.selector, container=names.container)
    if not ready:
        evidence.undecided("no pod of MLflow is ready, so none can be asked what it needs")
    there = sorted(sql.column("SELECT version_num FROM alembic_version"))
    evidence.note("revision of the database", there, door="sql")
    evidence.expect(
        "schema", "pods that need another revision than the database's",
        {p.name: n for p in ready if (n := needed(kube, p.name, names.container)) != there},
        "==", {}, door="kubernetes",
    )  # fmt: skip
