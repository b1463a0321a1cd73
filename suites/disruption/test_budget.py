# SPDX-License-Identifier: Apache-2.0
"""DIS-1: the disruption budget."""

from dataclasses import dataclass

from mlflow_conformance.cluster.autoscaler import autoscaler
from mlflow_conformance.cluster.eviction import Budget, budget, evict
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.disruption.drains import HeldPod, held
from mlflow_conformance.disruption.thresholds import Evictions
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target


@check(
    "DIS-1",
    impact="A node drain or upgrade takes every replica at once, or can never finish.",
    remedy="Give MLflow a PodDisruptionBudget that selects its pods, with the promised number.",
    disruptive=True,
    writes=("cluster",),
)
def test_budget_admits_one_and_refuses_the_next(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter
) -> None:
    """The budget admits an eviction as long as enough replicas stay, and refuses the next by name.

    Preconditions: every replica that the Deployment wants is ready, and there are two at least.
    Steps: ask by dry run for the eviction of every pod of the namespace that a drain would evict;
    then evict as many pods as the budget allows, and at once one more.
    Expected: no dry run is refused for good, and pods that are not ready may go as promised; 201
    for as many as the budget allows, 429 TooManyRequests that names the budget for the last one; at
    least one disruption allowed right before, and with as few replicas as there may be, and no more
    than leave the promised number, which a stricter budget does as well; none in between; no
    evicted pod stays. A refusal by a budget that
    an operator made decides nothing: it may make room when a node is drained.
    """
    name = target.names.mlflow.pdb
    if name is None:
        evidence.undecided("the profile names no budget under names.mlflow.pdb")
    pods = _settled(evidence, target, kube, waiter)
    row = evidence.row(Evictions)
    admitted = _admitted(len(pods), row.min_available)
    before = _budget_allowing(kube, name, admitted, waiter)
    evidence.expect("exists", "budget exists", before is not None, "==", True, door="kubernetes")
    if before is None:
        return
    evidence.note(
        "budget", {"minAvailable": before.min_available, "maxUnavailable": before.max_unavailable}
    )
    evidence.expect(
        "unhealthy", "pods that are not ready may be evicted", before.unhealthy, "==",
        row.unhealthy_pods, door="kubernetes",
    )  # fmt: skip
    back = _held(kube, waiter)
    evidence.expect(
        "drains", "pods that a drain would wait for in vain",
        [str(h) for h in back if not h.operator], "==", [],
        door="kubernetes", source="evictions by dry run",
    )  # fmt: skip
    fewest = _fewest(target, kube, len(pods))
    as_promised = [
        evidence.expect(
            "selected", "pods the budget selects", before.expected, "==", len(pods),
            door="kubernetes",
        ),
        evidence.expect(
            "allowed.before", "disruptions allowed before", before.allowed, "in", admitted,
            door="kubernetes",
        ),
        evidence.expect(
            "allowed.at-rest", f"disruptions that it allows of {fewest} replicas, the fewest",
            before.allows(fewest), "in", _admitted(fewest, row.min_available), door="kubernetes",
        ),
    ]  # fmt: skip
    if not all(as_promised):
        return  # it is broken already; an eviction would only disturb

    allowed = before.allowed
    gone, kept = pods[:allowed], pods[allowed]
    answers = [evict(kube, pod.name) for pod in gone]
    refused = evict(kube, kept.name)
    during = budget(kube, name)
    evidence.expect(
        "evictions", "evictions within the budget", [a.status for a in answers], "==",
        [201] * allowed, door="kubernetes", source="Kubernetes API-initiated eviction",
    )  # fmt: skip
    evidence.expect(
        "refusal", "eviction beyond it: status, reason, cause, and whether it names the budget",
        [refused.status, refused.reason, refused.cause, name in refused.message], "==",
        [429, "TooManyRequests", "DisruptionBudget", True], door="kubernetes",
    )  # fmt: skip
    evidence.note("what was said of it", refused.message, door="kubernetes")
    evidence.expect(
        "allowed.between", "disruptions allowed in between", during.allowed if during else None,
        "==", 0, door="kubernetes",
    )  # fmt: skip

    recovered = _settled(evidence, target, kube, waiter)
    uids = {pod.uid for pod in recovered}
    evidence.expect(
        "evicted-left", "evicted pods left", [p.name for p in gone if p.uid in uids], "==", []
    )
    after = _budget_allowing(kube, name, _admitted(len(recovered), row.min_available), waiter)
    evidence.note("disruptions allowed after", after.allowed if after else None, door="kubernetes")
    if managed := [f"{h} (of {h.operator})" for h in back if h.operator]:
        evidence.undecided(
            "budgets of operators refuse evictions, and only a drain shows whether they make room "
            f"for it: {managed}"
        )


def _admitted(replicas: int, min_available: int) -> list[int]:
    """How many disruptions a budget may allow: one at least, and no more than leave so many."""
    return list(range(1, max(1, replicas - min_available) + 1))


def _fewest(target: Target, kube: Kube, replicas: int) -> int:
    """As few replicas as the autoscaler goes down to; without one there are as many as now."""
    name = target.names.mlflow.hpa
    found = autoscaler(kube, name) if name else None
    return min(found.minimum, replicas) if found else replicas


@dataclass(frozen=True)
class _Replicas:
    wanted: int
    pods: list[Pod]

    @property
    def settled(self) -> bool:
        return len(self.pods) == self.wanted and all(
            p.ready and not p.terminating for p in self.pods
        )

    def __str__(self) -> str:
        ready = sum(p.ready and not p.terminating for p in self.pods)
        return f"{ready} ready of {len(self.pods)} pods, {self.wanted} wanted"


def _settled(evidence: Evidence, target: Target, kube: Kube, waiter: Waiter) -> list[Pod]:
    """Every replica that the Deployment wants now, all of them ready.

    How many that is says the autoscaler: after a load there may be more than at rest.
    """
    names = target.names.mlflow

    def observe() -> _Replicas:
        wanted = kube.get(names.kind, names.deployment)["spec"]["replicas"]
        pods = kube.pods(names.selector, container=names.container)
        return _Replicas(wanted, [p for p in pods if p.replica])

    replicas = waiter.until(
        "settled: MLflow's replicas",
        observe,
        done=lambda seen: seen.settled,
        timeout="deployment ready",
    )
    if replicas.wanted < 2:
        evidence.undecided("MLflow has one replica, so no eviction can be admitted")
    return replicas.pods


def _held(kube: Kube, waiter: Waiter) -> list[HeldPod]:
    """Pods of the namespace whose eviction is refused for as long as a budget may need at most."""
    try:
        return waiter.until(
            "evictable: every pod",
            lambda: held(kube),
            done=lambda seen: all(h.operator for h in seen),
            timeout="disruption budget",
            interval_s=1,
        )
    except TimedOut:
        return held(kube)


def _budget_allowing(kube: Kube, name: str, admitted: list[int], waiter: Waiter) -> Budget | None:
    """The budget when it allows one of so many disruptions, or how it is when the time is over.

    The controller computes `disruptionsAllowed` a moment after a pod became ready.
    """
    try:
        return waiter.until(
            f"allowing {' or '.join(map(str, admitted))}: budget {name}",
            lambda: budget(kube, name),
            done=lambda seen: seen is None or (seen.settled and seen.allowed in admitted),
            timeout="disruption budget",
            interval_s=0.2,
        )
    except TimedOut:
        return budget(kube, name)
