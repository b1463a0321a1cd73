# SPDX-License-Identifier: Apache-2.0
"""Whom a scenario hits and whom it may disturb, chosen before it begins."""

import random

from mlflow_conformance.cluster import kept as objects
from mlflow_conformance.cluster.view import ClusterView, PodView
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.disruption.scenario import ScenarioSpec, VictimKind
from mlflow_conformance.disruption.scene import Scene, VictimPod, container_of, pods_of
from mlflow_conformance.target.base import Target


def bare_scene(target: Target, waiter: Waiter) -> Scene:
    """The target's deployment, with nobody chosen.

    Raises:
        Undecided: the target is not in a cluster.
    """
    kube = target.need_kube()
    return Scene(
        kubeconfig=kube.kubeconfig.resolve(),
        context=kube.context,
        kubectl=kube.kubectl,
        names=target.names,
        deployment=target.names.mlflow.deployment,
        time_scale=waiter.scale,
    )


def with_victims(
    bare: Scene, spec: ScenarioSpec, view: ClusterView, numbers: random.Random, hold_s: float
) -> Scene:
    """The scene with its victims, drawn by these numbers.

    Args:
        view: the cluster as it is now.
        hold_s: how long a fault that must be ended is held, seconds.

    Raises:
        Undecided: the deployment has nobody to hit.
    """
    names = bare.names
    stops = spec.proof == "node stopped"
    node = choose_node(names, view, stops=stops) if spec.victim == "node" else ""
    pods = []
    if spec.victim in ("mlflow", "postgresql", "s3"):
        chosen = choose_pod(pods_of(names, spec.victim, view), numbers)
        pods = [victim_of(chosen, container_of(names, spec.victim))]
    kept = None
    if spec.changes_deployment:
        kept = objects.keep(bare.kube, names.mlflow.kind, bare.deployment)
    return bare.model_copy(
        update={
            "pods": pods,
            "node": node,
            "stops": stops,
            "kept": kept,
            "peers": sorted(p.ip for p in pods_of(names, "mlflow", view)),
            "disposable": disposable(names, spec.may_break, pods, node, view),
            "hold_s": hold_s,
        }
    )


def choose_pod(pods: list[PodView], numbers: random.Random) -> PodView:
    """One of the pods that are ready, drawn by the run's seed.

    Raises:
        Undecided: none is.
    """
    ready = sorted((p for p in pods if p.ready), key=lambda p: p.name)
    if not ready:
        raise Undecided("there is no ready pod to hit")
    return numbers.choice(ready)


def choose_node(names: Names, view: ClusterView, *, stops: bool = False) -> str:
    """A node that has a pod of MLflow and none of PostgreSQL, by name.

    PostgreSQL is one pod with its files on one node: draining that one stops MLflow however well
    MLflow itself is spread. And a pod of the deployment that no controller made would never come
    back; those of others are left where they are.

    Args:
        stops: the node stops as a whole: then it has no object store and no door of ours either.

    Raises:
        Undecided: there is none, or no other node could take the pods.
    """
    parts: list[tuple[str, VictimKind]] = [("PostgreSQL", "postgresql")]
    parts += [("the object store", "s3")] if stops else []
    taken = {title: _homes(names, kind, view) for title, kind in parts}
    usable = {n.name for n in view.nodes if n.ready and n.schedulable and n.takes_pods}
    homes = {p.node for p in pods_of(names, "mlflow", view)}
    lonely = {p.node for p in view.of(names.namespace, {}) if not p.owner and not p.finished}
    if stops:
        taken["the suite's own pod"] = {p.node for p in view.of(names.runner.namespace, {})}
    candidates = sorted((homes & usable).difference(lonely, *taken.values()))
    if not candidates or len(usable) < 2:
        others = ", ".join(f"{title} on {sorted(where)}" for title, where in taken.items())
        raise Undecided(
            f"no node can be {'stopped' if stops else 'drained'}: MLflow runs on {sorted(homes)}, "
            f"{others}, pods without a controller on {sorted(lonely)}, usable are {sorted(usable)}"
        )
    return candidates[0]


def _homes(names: Names, kind: VictimKind, view: ClusterView) -> set[str]:
    """The nodes of a part of the deployment; none when it is outside of the cluster."""
    part = names.postgresql if kind == "postgresql" else names.s3
    return {p.node for p in pods_of(names, kind, view)} if part and part.selector else set()


def victim_of(pod: PodView, container: str) -> VictimPod:
    """A pod as the scene names it.

    Raises:
        LookupError: it has no such container.
    """
    found = pod.container(container)
    return VictimPod(
        namespace=pod.namespace,
        name=pod.name,
        uid=pod.uid,
        ip=pod.ip,
        node=pod.node,
        container=found.name,
        container_id=found.id,
    )


def disposable(
    names: Names, kinds: list[VictimKind], victims: list[VictimPod], node: str, view: ClusterView
) -> list[str]:
    """UIDs of the pods that a scenario may change.

    A part of the deployment that is named whole may lose any of its pods; where one of its pods
    is the victim, only that one may change and its siblings are decoys. From a drained node
    everything may go that no DaemonSet put there.
    """
    hit = {v.uid for v in victims}
    found = set(hit)
    for kind in kinds:
        if kind == "node":
            found |= {p.uid for p in view.pods if p.node == node and p.owner != "DaemonSet"}
            continue
        pods = {p.uid for p in pods_of(names, kind, view)}
        found |= (pods & hit) or pods
    return sorted(found)
