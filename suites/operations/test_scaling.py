# SPDX-License-Identifier: Apache-2.0
"""HPA and OPS: what operators change by hand takes effect."""

from collections.abc import Iterator
from typing import Any

import pytest

from mlflow_conformance.clients.kube import Kube
from mlflow_conformance.errors import Undecided
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.faults.objects import changed, kept
from mlflow_conformance.guides import Guide
from mlflow_conformance.mutation import ObjectChange
from mlflow_conformance.scaling import autoscaler
from mlflow_conformance.serving import workers
from mlflow_conformance.target.base import Target
from mlflow_conformance.terminal import GOOD, Terminal
from mlflow_conformance.waits import TimedOut, Waiter

_FLAG = "--workers="
# What the guides set, and what no MLflow has ever read.
_IGNORED = {
    "MLFLOW_SERVER_WORKERS": "4",
    "MLFLOW_ARTIFACT_ROOT": "s3://nowhere/nothing",
    "MLFLOW_REDIS_URL": "redis://mlflow-redis:6379",
}


@pytest.fixture
def hand_scaled(target: Target, waiter: Waiter) -> Iterator[str]:
    """The name of an autoscaler that, with its Deployment, will be as it was after the check."""
    names = target.names.mlflow
    if names.hpa is None:
        raise Undecided("the profile names no autoscaler under names.mlflow.hpa")
    things = [("horizontalpodautoscaler", names.hpa), ("deployment", names.deployment)]
    with kept(target, things, waiter):
        yield names.hpa


@check(
    "HPA-6",
    impact="In an emergency MLflow cannot be scaled by hand.",
    remedy="Look at the events of the Deployment's ReplicaSet: quotas, nodes without room, "
    "admission.",
    disruptive=True,
)
def test_scaling_by_hand(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter, guide: Guide,
    prompt: Terminal, hand_scaled: str,
) -> None:  # fmt: skip
    """The guide's commands scale MLflow and raise the autoscaler's maximum.

    Preconditions: every replica is ready.
    Steps:
        1. Bring MLflow to the autoscaler's minimum, since a load before this check may have left
           as many replicas as the guide's command asks for.
        2. Run the guide's `kubectl scale`, `kubectl get hpa` and `kubectl patch hpa`.
        3. Watch the ready replicas, and read the autoscaler.
        4. Put both back as they were.

    Expected: each command shows what commands.yaml says; new replicas become ready although the
    autoscaler takes the number over; it has the new maximum and still scales.
    """
    selector = target.names.mlflow.selector
    old = _at_minimum(target, kube, waiter, hand_scaled)
    evidence.note("replicas at first", sorted(old), door="kubernetes")
    seconds = evidence.number("within_s")
    for name, command in guide.run_by(evidence.id).items():
        said = prompt.judged(command, within_s=seconds, watch_s=seconds)
        evidence.expect(f"{name}: {command.guide}", said, "==", GOOD, door="kubernetes")
    wanted = int(evidence.number("new_ready"))
    new: set[str] = set()

    def look() -> set[str]:
        new.update(p.name for p in kube.ready_pods(selector) if p.name not in old)
        return new

    try:
        waiter.until(
            f"{wanted} new replicas ready", look, done=lambda seen: len(seen) >= wanted,
            timeout="rollout",
        )  # fmt: skip
    except TimedOut:
        evidence.note("new replicas that were ready", sorted(new), door="kubernetes")
    evidence.expect("new replicas that were ready", len(new), ">=", wanted, door="kubernetes")
    found = autoscaler(kube, hand_scaled)
    evidence.expect(
        "maximum of the autoscaler", found.maximum if found else None, "==",
        evidence.number("max_replicas"), door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "the autoscaler can scale", found.conditions.get("AbleToScale") if found else None,
        "==", "True", door="kubernetes",
    )  # fmt: skip


def _at_minimum(target: Target, kube: Kube, waiter: Waiter, hpa: str) -> set[str]:
    """Names of MLflow's pods, once there are as few as its autoscaler allows, all ready."""
    names, found = target.names.mlflow, autoscaler(kube, hpa)
    if found is None:
        raise Undecided(f"there is no autoscaler {hpa}")
    kube.run("scale", "deployment", names.deployment, f"--replicas={found.minimum}")
    pods = waiter.until(
        f"ready: {found.minimum} replicas of MLflow and no more",
        lambda: [
            p for p in kube.pods(names.selector, container=names.container) if not p.terminating
        ],
        done=lambda pods: len(pods) == found.minimum and all(p.ready for p in pods),
        timeout="pod ready",
    )
    return {p.name for p in pods}


@check(
    "OPS-4",
    impact="More workers are set, and MLflow serves no more requests than before.",
    remedy="Set --workers or MLFLOW_WORKERS of `mlflow server`; nothing else of that kind is read.",
    disruptive=True,
)
def test_workers_take_effect(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter
) -> None:
    """As many processes serve requests as are set, and the guides' other settings do nothing.

    Preconditions: every replica is ready, and the container has Python.
    Steps:
        1. Count the processes that serve in every ready pod.
        2. Set another number of workers where the deployment sets it (`--workers`, or
           MLFLOW_WORKERS), and beside it the variables of the guides that MLflow does not have.
        3. Wait for the rollout; count again; put it back.

    Expected: the profile's number before, and exactly the new number after.
    """
    evidence.expect(
        "workers of each pod at first", _workers(kube, target), "==",
        evidence.threshold("workers"), door="kubernetes",
    )  # fmt: skip
    wanted = int(evidence.number("workers_set"))
    with changed(target, [_setting(kube, target, wanted)], waiter):
        evidence.expect(
            "workers of each pod after the setting", _workers(kube, target), "==", wanted,
            door="kubernetes",
        )  # fmt: skip
    evidence.limit(
        f"MLflow has no {', '.join(sorted(_IGNORED))}: set together with the workers they changed "
        "nothing, and Redis is no feature of MLflow"
    )


def _workers(kube: Kube, target: Target) -> int | list[int]:
    """How many processes serve in each ready pod; a list when pods differ, or there are none."""
    container = target.names.mlflow.container
    counts = {
        workers(kube, p.name, container)
        for p in kube.ready_pods(target.names.mlflow.selector, container=container)
    }
    return counts.pop() if len(counts) == 1 else sorted(counts)


def _setting(kube: Kube, target: Target, number: int) -> ObjectChange:
    """The change of the Deployment that sets the workers, and what has no effect beside it."""
    names = target.names.mlflow
    found = kube.get("deployment", names.deployment)
    containers: list[dict[str, Any]] = found["spec"]["template"]["spec"]["containers"]
    server = next(c for c in containers if c["name"] == names.container)
    arguments: list[str] = server.get("args", [])
    change: dict[str, Any] = {"name": names.container}
    variables = dict(_IGNORED)
    if any(a.startswith(_FLAG) for a in arguments):
        change["args"] = [f"{_FLAG}{number}" if a.startswith(_FLAG) else a for a in arguments]
    else:
        variables["MLFLOW_WORKERS"] = str(number)
    change["env"] = [{"name": k, "value": v} for k, v in variables.items()]
    return ObjectChange(
        kind="deployment",
        name=names.deployment,
        patch={
            "spec": {
                # All new pods at once: nobody is served meanwhile but by the old ones.
                "strategy": {"rollingUpdate": {"maxSurge": "100%"}},
                "template": {"spec": {"containers": [change]}},
            }
        },
    )
