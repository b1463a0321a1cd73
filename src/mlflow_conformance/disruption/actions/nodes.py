# SPDX-License-Identifier: Apache-2.0
"""A node that is drained, and pods that are spread over nodes again."""

import time

from mlflow_conformance.cluster.eviction import evict
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.view import ClusterView, PodView, look
from mlflow_conformance.disruption.actions.acting import Said, node_named, waited
from mlflow_conformance.disruption.drains import drained
from mlflow_conformance.disruption.scene import Scene, pods_of
from mlflow_conformance.disruption.wholeness import missing, unready_mlflow


def cordon_node(scene: str) -> Said:
    """Take no new pods on the node."""
    play = Scene.read(scene)
    play.kube.cordon(play.node, on=True)
    return {"node": play.node, "at": time.time()}


def drain_node(scene: str) -> Said:
    """Evict what runs on the cordoned node, as `kubectl drain` does, and wait until it is gone.

    Evictions that are refused are asked for again until the deployment's own pods are gone or the
    time is over; what is then still there of them is returned as `left`. How long pods of others
    stay says nothing of the deployment.
    """
    play = Scene.read(scene)
    at = time.time()
    evicted: set[str] = set()
    refused: dict[str, int] = {}

    def still_there() -> list[PodView]:
        pods = [p for p in look(play.kube).pods if _drainable(p, play.node)]
        for pod in pods:
            if pod.uid in evicted or pod.terminating:
                continue
            if _evicted(play, pod):
                evicted.add(pod.uid)
            else:
                refused[pod.key] = refused.get(pod.key, 0) + 1
        return [p for p in pods if p.namespace == play.names.namespace]

    left = play.waiter.last_seen(
        f"drained: {play.node}", still_there, done=lambda pods: not pods, timeout="drained"
    )
    keys = [pod.key for pod in left]
    return {"evicted": len(evicted), "refused": refused, "left": keys, "at": at}


def node_state(scene: str) -> Said:
    """Whether the node takes pods, and what is on it that a drain moves."""
    play = Scene.read(scene)
    view = look(play.kube)
    return {
        "schedulable": node_named(view, play.node).schedulable,
        "pods": [p.key for p in view.pods if _drainable(p, play.node)],
    }


def wait_serving(scene: str) -> Said:
    """Wait until as many pods of MLflow are ready as its Deployment wants, wherever they are."""
    play = Scene.read(scene)
    return waited(
        play, "ready: MLflow's pods", lambda view: not unready_mlflow(play, view), "whole again"
    )


def uncordon_node(scene: str) -> Said:
    """Take pods on the node again."""
    play = Scene.read(scene)
    play.kube.cordon(play.node, on=False)
    return {"node": play.node, "at": time.time()}


def spread_again(scene: str) -> Said:
    """Move pods of MLflow by evictions until they are spread over nodes, as they were before.

    Kubernetes never moves a pod by itself when a node comes back, so a drain leaves all of them
    on the others.
    """
    return {"moved": spread(Scene.read(scene))}


def spread(play: Scene) -> list[str]:
    """Move pods of MLflow by evictions until they are spread over nodes; returns their names.

    Raises:
        TimedOut: the disruption budget does not admit it.
    """
    moved: list[str] = []
    for _ in pods_of(play.names, "mlflow", look(play.kube)):
        waited(play, "whole: the deployment", lambda view: not missing(play, view), "whole again")
        crowded = _crowded(play, look(play.kube))
        if crowded is None:
            return moved
        _move(play, crowded)
        moved.append(crowded.name)
    return moved


def uncordoned(play: Scene) -> bool:
    """Uncordon the node; whether there was anything to do."""
    node = look(play.kube).node(play.node) if play.node else None
    if node is None or node.schedulable:
        return False
    play.kube.cordon(play.node, on=False)
    return True


def _drainable(pod: PodView, node: str) -> bool:
    return pod.node == node and bool(pod.owner) and drained(pod)


def _crowded(play: Scene, view: ClusterView) -> PodView | None:
    """A pod of MLflow on a node that has two more of them than another usable node has."""
    pods = pods_of(play.names, "mlflow", view)
    usable = [n.name for n in view.nodes if n.ready and n.schedulable and n.takes_pods]
    counts = {name: sum(p.node == name for p in pods) for name in usable}
    if not counts or max(counts.values()) - min(counts.values()) < 2:
        return None
    full = max(counts, key=lambda name: counts[name])
    return next(p for p in pods if p.node == full)


def _evicted(play: Scene, pod: PodView) -> bool:
    """Ask for one eviction; False when it was refused. A pod that is gone counts as evicted.

    Raises:
        KubeFailed: the API server did not answer.
    """
    try:
        return evict(play.kube.within(pod.namespace), pod.name).status != 429
    except KubeFailed as problem:
        if problem.status is None:
            raise
        return problem.status == 404


def _move(play: Scene, pod: PodView) -> None:
    """Evict a pod as soon as its budget allows, and wait until it is gone."""
    play.waiter.until(
        f"admitted: eviction of {pod.name}",
        lambda: _evicted(play, pod),
        done=bool,
        timeout="disruption budget",
    )
    waited(play, "gone: the evicted pod", lambda v: v.by_uid(pod.uid) is None, "whole again")
