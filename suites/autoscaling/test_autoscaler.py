# SPDX-License-Identifier: Apache-2.0
"""HPA: the autoscaler at rest."""

from dataclasses import dataclass

from mlflow_conformance.autoscaling.beside import others_that_scale
from mlflow_conformance.autoscaling.thresholds import AsPromised, AtRest
from mlflow_conformance.cluster.autoscaler import (
    Autoscaler,
    autoscaler,
    autoscalers_of,
    pods_with_metrics,
)
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target


@check(
    "HPA-1",
    impact="MLflow does not grow with its load, or grows further than was agreed.",
    remedy="Compare the HorizontalPodAutoscaler with the profile, and see that metrics-server "
    "serves metrics of MLflow's pods.",
    writes=(),
)
def test_autoscaler_is_as_promised(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter
) -> None:
    """The autoscaler has the promised bounds and goals, and measures what it scales by.

    Preconditions: MLflow runs; metrics of its pods are there after a start-up time.
    Steps: read the autoscaler and its target.
    Expected: bounds, goals and target of the profile, no other goal and no other autoscaler of the
    same Deployment; a goal is one that it acts upon, within the profile's tolerance; replicas that
    are not needed go, and not before the profile's time; its rules let it grow in time; nothing
    that is applied sets the number of replicas as well; it can scale and its metrics are current.
    """
    name = target.names.mlflow.hpa
    if name is None:
        evidence.undecided("the profile names no autoscaler under names.mlflow.hpa")
    found = autoscaler(kube, name)
    evidence.expect("exists", "autoscaler exists", found is not None, "==", True, door="kubernetes")
    if found is None:
        return
    row = evidence.row(AsPromised)
    goals, target_name = row.utilization_percent, target.names.mlflow.scaled
    evidence.expect("minimum", "minimum", found.minimum, "==", row.min_replicas, door="kubernetes")
    evidence.expect("maximum", "maximum", found.maximum, "==", row.max_replicas, door="kubernetes")
    evidence.expect(
        "goals", "utilization goals", found.goals, "==", goals, unit="%", door="kubernetes"
    )
    evidence.expect(
        "goals.other", "what else it scales by",
        sorted(f"{name}: {wanted}" for name, wanted in found.other_goals.items()), "==",
        sorted(row.other_goals), door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "tolerance", "share of a goal by which it may be passed", found.tolerance, "<=",
        row.tolerance, door="kubernetes",
    )  # fmt: skip
    evidence.expect("falls", "may take replicas away", found.falls, "==", True, door="kubernetes")
    evidence.expect(
        "waits", "time before it takes any away", found.waits_s, ">=", row.waits_s, unit="s",
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "grows", "time that its rules leave it from the minimum to the maximum", found.grows_s,
        "<=", row.grows_within_s, unit="s", door="kubernetes",
    )  # fmt: skip
    evidence.expect("target", "scales", found.target, "==", target_name, door="kubernetes")
    if found.target != target_name:
        return
    evidence.expect(
        "alone", "autoscalers of the Deployment", autoscalers_of(kube, target_name), "==", [name],
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "replicas.others", "who else says how many replicas there are",
        others_that_scale(kube, target_name), "==", [], door="kubernetes",
    )  # fmt: skip
    look = _measuring(target, kube, name, waiter)
    found = look.autoscaler
    evidence.expect(
        "unmeasured", "ready pods without metrics", look.unmeasured, "==", [],
        door="kubernetes", source="metrics.k8s.io",
    )  # fmt: skip
    able = found.conditions.get("AbleToScale", "not said")
    evidence.expect("able-to-scale", "can scale", able, "==", "True", door="kubernetes")
    active = found.conditions.get("ScalingActive", "not said")
    evidence.expect(
        "scaling-active", "scaling active, and what it measures",
        [active, *sorted(found.current), *sorted(found.measured & set(found.other_goals))],
        "==", ["True", *sorted(goals), *sorted(found.other_goals)], door="kubernetes",
    )  # fmt: skip
    evidence.note("utilization", found.current, unit="%", door="kubernetes")
    evidence.note("replicas", {"current": found.replicas, "desired": found.desired})
    if found.reasons:
        evidence.note("what the autoscaler says", found.reasons, door="kubernetes")


@dataclass(frozen=True)
class _Look:
    """The autoscaler, and which pods have no metrics, or why that cannot be said."""

    autoscaler: Autoscaler
    unmeasured: list[str] | str

    @property
    def complete(self) -> bool:
        return self.autoscaler.measures and not self.unmeasured


def _measuring(target: Target, kube: Kube, name: str, waiter: Waiter) -> _Look:
    """What there is when everything is measured, or when the time for that is over."""
    selector = target.names.mlflow.selector

    def look() -> _Look:
        seen = autoscaler(kube, name)
        if seen is None:
            raise Undecided(f"the autoscaler {name} went away while it was looked at")
        pods = [p.name for p in kube.ready_pods(selector) if p.replica]
        try:
            measured = pods_with_metrics(kube, selector)
        except KubeFailed as refusal:
            return _Look(seen, f"{refusal.status} {refusal.reason}")
        return _Look(seen, [name for name in pods if name not in measured])

    try:
        return waiter.until(
            "measured: every pod of MLflow",
            look,
            done=lambda seen: seen.complete,
            timeout="metrics of the autoscaler",
            interval_s=1,
        )
    except TimedOut:
        return look()


@check(
    "HPA-5",
    impact="MLflow runs at its maximum for ever: money is spent and nothing is left for a peak.",
    remedy="Fewer workers or a larger request, so that utilization at rest is below the goal.",
    writes=(),
)
def test_autoscaler_is_not_pinned(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter
) -> None:
    """At rest the autoscaler asks for less than its maximum, and utilization is below the goals.

    Preconditions: no load of the suite runs.
    Steps: read the autoscaler's measurements.
    Expected: every utilization below its goal by the profile's margin, and desired replicas at
    the profile's number at rest.
    """
    name = target.names.mlflow.hpa
    if name is None:
        evidence.undecided("the profile names no autoscaler under names.mlflow.hpa")
    found = _measuring(target, kube, name, waiter).autoscaler
    if not found.measures:
        evidence.undecided(f"the autoscaler measures nothing: {found}")
    row = evidence.row(AtRest)
    for resource, goal in found.goals.items():
        evidence.expect(
            "utilization", f"{resource} utilization at rest", found.current[resource],
            "<=", goal - row.margin_percent, unit="%", door="kubernetes",
        )  # fmt: skip
    evidence.expect(
        "replicas", "replicas asked for", found.desired, "<=", row.replicas_at_rest,
        door="kubernetes",
    )  # fmt: skip
