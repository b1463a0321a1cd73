# SPDX-License-Identifier: Apache-2.0
"""What operators change of the scaling by hand takes effect."""

from collections.abc import Iterator

import pytest

from mlflow_conformance.autoscaling.thresholds import ByHand
from mlflow_conformance.cluster.autoscaler import autoscaler
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.terminal import GOOD, Terminal
from mlflow_conformance.config.guides import Guide
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import kept


@pytest.fixture
def hand_scaled(target: Target, waiter: Waiter) -> Iterator[str]:
    """The name of an autoscaler that, with its Deployment, will be as it was after the check."""
    names = target.names.mlflow
    if names.hpa is None:
        raise Undecided("the profile names no autoscaler under names.mlflow.hpa")
    things = [("horizontalpodautoscaler", names.hpa), (names.kind, names.deployment)]
    with kept(target, things, waiter):
        yield names.hpa


@check(
    "HPA-6",
    impact="In an emergency MLflow cannot be scaled by hand.",
    remedy="Look at the events of the Deployment's ReplicaSet: quotas, nodes without room, "
    "admission.",
    disruptive=True,
    writes=("cluster",),
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
    row = evidence.row(ByHand)
    old = _at_minimum(target, kube, waiter, hand_scaled)
    evidence.note("replicas at first", sorted(old), door="kubernetes")
    for name, command in guide.run_by(evidence.id).items():
        said = prompt.judged(command, within_s=row.within_s, watch_s=row.within_s)
        evidence.expect("command", f"{name}: {command.guide}", said, "==", GOOD, door="kubernetes")
    new: set[str] = set()

    def look() -> set[str]:
        new.update(p.name for p in kube.ready_pods(selector) if p.name not in old)
        return new

    try:
        waiter.until(
            f"{row.new_ready} new replicas ready",
            look,
            done=lambda seen: len(seen) >= row.new_ready,
            timeout="rollout",
        )
    except TimedOut:
        evidence.note("new replicas that were ready", sorted(new), door="kubernetes")
    evidence.expect(
        "new-replicas", "new replicas that were ready", len(new), ">=", row.new_ready,
        door="kubernetes",
    )  # fmt: skip
    found = autoscaler(kube, hand_scaled)
    evidence.expect(
        "maximum", "maximum of the autoscaler", found.maximum if found else None, "==",
        row.max_replicas, door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "able-to-scale", "the autoscaler can scale",
        found.conditions.get("AbleToScale") if found else None, "==", "True", door="kubernetes",
    )  # fmt: skip


def _at_minimum(target: Target, kube: Kube, waiter: Waiter, hpa: str) -> set[str]:
    """Names of MLflow's pods, once there are as few as its autoscaler allows, all ready."""
    names, found = target.names.mlflow, autoscaler(kube, hpa)
    if found is None:
        raise Undecided(f"there is no autoscaler {hpa}")
    kube.run("scale", names.kind, names.deployment, f"--replicas={found.minimum}")
    pods = waiter.until(
        f"ready: {found.minimum} replicas of MLflow and no more",
        lambda: [
            p
            for p in kube.pods(names.selector, container=names.container)
            if p.replica and not p.terminating
        ],
        done=lambda pods: len(pods) == found.minimum and all(p.ready for p in pods),
        timeout="pod ready",
    )
    return {p.name for p in pods}
