# SPDX-License-Identifier: Apache-2.0
"""The number of workers is the one that is set."""

from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.operations.serving import with_workers, workers
from mlflow_conformance.operations.thresholds import ServingWorkers, Workers
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed

# What the guides set, and what no MLflow has ever read.
_IGNORED = {
    "MLFLOW_SERVER_WORKERS": "4",
    "MLFLOW_ARTIFACT_ROOT": "s3://nowhere/nothing",
    "MLFLOW_REDIS_URL": "redis://mlflow-redis:6379",
}


@check(
    "OPS-4.workers",
    impact="Pods need other memory and other connections than they were planned for.",
    remedy="Set --workers or MLFLOW_WORKERS of `mlflow server`, whose default is four.",
    writes=("cluster",),
)
def test_pods_have_their_workers(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter
) -> None:
    """As many processes serve in every pod as promised.

    Preconditions: every replica is ready, and the container has Python.
    Steps: count the processes that serve in every ready pod.
    Expected: the profile's number in each.
    """
    evidence.expect(
        "workers", "workers of each pod", _workers(kube, target, waiter), "==",
        evidence.row(ServingWorkers).workers, door="kubernetes",
    )  # fmt: skip


@check(
    "OPS-4",
    impact="More workers are set, and MLflow serves no more requests than before.",
    remedy="Set --workers or MLFLOW_WORKERS of `mlflow server`; nothing else of that kind is read.",
    disruptive=True,
    writes=("cluster",),
)
def test_workers_take_effect(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter
) -> None:
    """As many processes serve requests as are set, and the guides' other settings do nothing.

    Preconditions: every replica is ready, and the container has Python.
    Steps:
        1. Count the processes that serve in every ready pod.
        2. Set another number of workers where the deployment sets it (`--workers` in the command
           or its arguments, or MLFLOW_WORKERS), and beside it the variables of the guides that
           MLflow does not have.
        3. Wait for the rollout, and until every replica answers; count again; put it back.

    Expected: the profile's number before, and exactly the new number after.
    """
    row = evidence.row(Workers)
    evidence.expect(
        "workers.before", "workers of each pod at first", _workers(kube, target, waiter), "==",
        row.workers, door="kubernetes",
    )  # fmt: skip
    with changed(target, [_setting(kube, target, row.workers_set)], waiter):
        evidence.expect(
            "workers.after", "workers of each pod after the setting",
            _workers(kube, target, waiter), "==", row.workers_set, door="kubernetes",
        )  # fmt: skip
    evidence.limit(
        f"MLflow has no {', '.join(sorted(_IGNORED))}: set together with the workers they changed "
        "nothing, and Redis is no feature of MLflow"
    )


def _workers(kube: Kube, target: Target, waiter: Waiter) -> int | list[int]:
    """How many processes serve in each ready pod; a list when pods differ, or there are none."""
    # Without a readiness probe a pod is ready before its workers are there.
    waiter.until(
        "answering: every replica of MLflow",
        lambda: [_health(target, url) for url in target.replica_urls()],
        done=lambda answers: bool(answers) and all(a == "200" for a in answers),
        timeout="pod ready",
        interval_s=1,
    )
    container = target.names.mlflow.container
    counts = {
        workers(kube, p.name, container)
        for p in kube.ready_pods(target.names.mlflow.selector, container=container)
    }
    return counts.pop() if len(counts) == 1 else sorted(counts)


def _health(target: Target, url: str) -> str:
    try:
        return str(target.api(url).request("GET", "/health").status)
    except NoReply as lost:
        return lost.failure


# All new pods at once: nobody is served meanwhile but by the old ones.
_AT_ONCE: dict[str, dict[str, Any]] = {
    "deployment": {"strategy": {"rollingUpdate": {"maxSurge": "100%"}}},
}


def _setting(kube: Kube, target: Target, number: int) -> ObjectChange:
    """The change of the Deployment that sets the workers, and what has no effect beside it."""
    names = target.names.mlflow
    found = kube.get(names.kind, names.deployment)
    containers: list[dict[str, Any]] = found["spec"]["template"]["spec"]["containers"]
    server = next((c for c in containers if c["name"] == names.container), None)
    if server is None:
        raise Undecided(f"{names.scaled} has no container {names.container!r} (mlflow.container)")
    words = with_workers(server, number)
    change: dict[str, Any] = {"name": names.container, **words}
    variables = dict(_IGNORED)
    if not words:
        variables["MLFLOW_WORKERS"] = str(number)
    # What the variable came from before, such as a ConfigMap, would stand beside the value.
    change["env"] = [{"name": k, "value": v, "valueFrom": None} for k, v in variables.items()]
    return ObjectChange(
        kind=names.kind,
        name=names.deployment,
        patch={
            "spec": {
                **_AT_ONCE.get(names.kind, {}),
                "template": {"spec": {"containers": [change]}},
            }
        },
    )
