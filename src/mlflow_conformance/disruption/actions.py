# SPDX-License-Identifier: Apache-2.0
"""What the experiments of ``scenarios/`` do: one small function for each activity.

chaostoolkit calls them in a process of its own with the path of the scene (see
`mlflow_conformance.disruption.scene`), and writes what they return into its journal. An action that
could not do what it is for raises, and the fault then counts as not having happened. What is a
finding about the deployment, such as a rollout that does not end, is returned and judged by the
check.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

from kubernetes.client.rest import ApiException

from mlflow_conformance.cluster import kept as objects
from mlflow_conformance.cluster import workloads
from mlflow_conformance.cluster.eviction import evict
from mlflow_conformance.cluster.node import Node
from mlflow_conformance.cluster.nodes import open_node, processes, task_of
from mlflow_conformance.cluster.view import ClusterView, NodeView, PodView, look
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.disruption import links
from mlflow_conformance.disruption.scene import Scene, VictimPod, pods_of

Said = dict[str, Any]

BROKEN_IMAGE = "localhost/mlflow-conformance/mlflow:does-not-exist"
UPDATE_VARIABLE = "MLFLOW_CONFORMANCE_UPDATE"
"""Changed by the rolling update: a name that MLflow does not read."""


# -- crash and hang -----------------------------------------------------------------------------


def kill_container(scene: str) -> Said:
    """Kill every process of the victim's container at once; nothing in it gets to clean up."""
    play = Scene.read(scene)
    victim, node = _victim(play)
    at = time.time()
    node.kill_container(victim.container_id)
    return {"pod": victim.name, "node": node.name, "container": victim.container_id, "at": at}


def wait_restarted(scene: str) -> Said:
    """Wait until the victim's container runs as a new one and its pod is ready."""
    play = Scene.read(scene)
    victim = play.pods[0]

    def back(view: ClusterView) -> bool:
        pod = view.by_uid(victim.uid)
        if pod is None or not pod.ready:
            return False
        return pod.container(victim.container).id != victim.container_id

    return _waited(play, f"restarted: {victim.name}", back, "container restarted")


def stop_container(scene: str) -> Said:
    """Stop every process of the victim's container: it holds its connections and says nothing."""
    play = Scene.read(scene)
    victim, node = _victim(play)
    at = time.time()
    node.kill_container(victim.container_id, "SIGSTOP")
    return {"pod": victim.name, "node": node.name, "at": at}


def process_states(scene: str) -> Said:
    """The states of the processes of the victim's container, as the node's kernel has them."""
    play = Scene.read(scene)
    victim, node = _victim(play)
    states = processes(node, _current(play, victim))
    return {"states": {str(number): state for number, state in states.items()}}


def continue_container(scene: str) -> Said:
    """Let the processes of the victim's container go on, if it is still the same container."""
    play = Scene.read(scene)
    return {"continued": _continued(play), "at": time.time()}


# -- pods and nodes -----------------------------------------------------------------------------


def delete_pod(scene: str) -> Said:
    """Delete the victim as `kubectl delete pod` does: with its grace period, past the budget."""
    return _deleted(Scene.read(scene))


def wait_replaced(scene: str) -> Said:
    """Wait until the victims are gone and the deployment is whole without them."""
    return _replaced(Scene.read(scene))


def renew(play: Scene) -> None:
    """Replace the victim by a new pod, and wait until the deployment is whole with it.

    Raises:
        Undecided: it is not in time.
    """
    _deleted(play)
    if late := _replaced(play)["late"]:
        raise Undecided(f"after {play.pods[0].name} was replaced: {', '.join(map(str, late))}")


def cordon_node(scene: str) -> Said:
    """Take no new pods on the node."""
    play = Scene.read(scene)
    play.kube.run("cordon", play.node, namespace="")
    return {"node": play.node, "at": time.time()}


def drain_node(scene: str) -> Said:
    """Evict what runs on the cordoned node, as `kubectl drain` does, and wait until it is gone.

    Evictions that a disruption budget refuses are asked for again until the time is over; what is
    then still there is returned as `left`.
    """
    play = Scene.read(scene)
    at = time.time()
    evicted: set[str] = set()
    refused: dict[str, int] = {}

    def still_there() -> list[PodView]:
        pods = [p for p in _look(play).pods if _drainable(p, play.node)]
        for pod in pods:
            if pod.uid in evicted or pod.terminating:
                continue
            if _evicted(play, pod):
                evicted.add(pod.uid)
            else:
                refused[pod.key] = refused.get(pod.key, 0) + 1
        return pods

    try:
        _waiter(play).until(
            f"drained: {play.node}", still_there, done=lambda pods: not pods, timeout="drained"
        )
        left: list[str] = []
    except TimedOut as late:
        left = [p.key for p in cast(list[PodView], late.last)]
    return {"evicted": len(evicted), "refused": refused, "left": left, "at": at}


def node_state(scene: str) -> Said:
    """Whether the node takes pods, and what is on it that a drain moves."""
    play = Scene.read(scene)
    view = _look(play)
    node = view.node(play.node)
    if node is None:
        raise Undecided(f"the node {play.node} is gone")
    return {
        "schedulable": node.schedulable,
        "pods": [p.key for p in view.pods if _drainable(p, play.node)],
    }


def wait_serving(scene: str) -> Said:
    """Wait until as many pods of MLflow are ready as its Deployment wants, wherever they are."""
    play = Scene.read(scene)
    return _waited(
        play, "ready: MLflow's pods", lambda view: not _unready_mlflow(play, view), "whole again"
    )


def uncordon_node(scene: str) -> Said:
    """Take pods on the node again."""
    play = Scene.read(scene)
    play.kube.run("uncordon", play.node, namespace="")
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
    for _ in pods_of(play.names, "mlflow", _look(play)):
        _waited(play, "whole: the deployment", lambda view: not missing(play, view), "whole again")
        crowded = _crowded(play, _look(play))
        if crowded is None:
            return moved
        _move(play, crowded)
        moved.append(crowded.name)
    return moved


# -- rollouts -----------------------------------------------------------------------------------


def restart_rollout(scene: str) -> Said:
    """Replace every pod of MLflow, as `kubectl rollout restart` does."""
    play = Scene.read(scene)
    at = time.time()
    play.kube.run("rollout", "restart", f"deployment/{play.deployment}")
    return {"deployment": play.deployment, "at": at}


def update_environment(scene: str) -> Said:
    """Update MLflow: a new specification that every pod takes on."""
    play = Scene.read(scene)
    variable = {"name": UPDATE_VARIABLE, "value": str(int(time.time()))}
    return _patched(play, {"env": [variable]})


def update_to_broken_image(scene: str) -> Said:
    """Update MLflow to an image that does not exist."""
    return _patched(Scene.read(scene), {"image": BROKEN_IMAGE})


def wait_rolled_out(scene: str) -> Said:
    """Wait until the rollout is complete; `complete` is false when it was not in time."""
    play = Scene.read(scene)
    return _rolled_out(play, lambda rollout: rollout.complete, "complete")


def wait_stuck(scene: str) -> Said:
    """Wait until the rollout cannot go on; `stuck` is false when it did not come to that."""
    play = Scene.read(scene)
    return _rolled_out(play, lambda rollout: rollout.stuck is not None, "stuck")


def restore_deployment(scene: str) -> Said:
    """Make the Deployment again what it was before the experiment."""
    play = Scene.read(scene)
    return {"restored": _restored_deployment(play), "at": time.time()}


# -- links --------------------------------------------------------------------------------------


def cut_link(scene: str) -> Said:
    """Drop every packet between the victim and MLflow's pods."""
    play = Scene.read(scene)
    victim, node = _victim(play)
    at = time.time()
    links.cut(node, victim.container_id, play.peers)
    return {"between": [victim.name, *play.peers], "at": at}


def dropped_packets(scene: str) -> Said:
    """How many packets between the two were dropped until now."""
    play = Scene.read(scene)
    victim, node = _victim(play)
    return {"dropped": links.dropped(node, _current(play, victim))}


def mend_link(scene: str) -> Said:
    """Let packets pass between the two again."""
    return {"removed": _mended(Scene.read(scene)), "at": time.time()}


# -- before, after, and putting back ------------------------------------------------------------


def whole(scene: str) -> bool:
    """Wait until the whole deployment is there: the steady state before and after."""
    play = Scene.read(scene)
    said = _waited(
        play, "whole: the deployment", lambda view: not missing(play, view), "whole again"
    )
    return not said["late"]


def missing(play: Scene, view: ClusterView) -> list[str]:
    """What is not as it is in a healthy deployment, a few words for each."""
    found = [f"node {n.name} not ready" for n in view.nodes if not n.ready]
    found += [f"node {n.name} cordoned" for n in view.nodes if not n.schedulable]
    found += _unready_mlflow(play, view)
    for part in ("postgresql", "s3"):
        named = getattr(play.names, part)
        if named and named.selector:
            pods = pods_of(play.names, part, view)
            found += [f"{part} not ready"] if not any(p.ready for p in pods) else []
    return found


def put_back(scene: str) -> Said:
    """Take back whatever an experiment on this scene may have left; says what there was to do.

    Called as the rollback of every experiment, and again by the check when the experiment is over,
    however it ended.

    Raises:
        ExceptionGroup: a part could not be put back; the others were.
    """
    play = Scene.read(scene)
    problems: list[Exception] = []
    done: Said = {}
    steps: dict[str, Callable[[Scene], int]] = {
        "uncordoned": _uncordoned,
        "continued": _continued,
        "mended": _mended,
        "restored": _restored_deployment,
    }
    for name, restore in steps.items():
        try:
            done[name] = objects.insisted(name, partial(restore, play), _waiter(play))
        except Exception as problem:  # noqa: BLE001 - the others are put back first; raised below
            problems.append(problem)
    if problems:
        raise ExceptionGroup("could not be put back", problems)
    return done


# -- helpers ------------------------------------------------------------------------------------


def _waiter(play: Scene) -> Waiter:
    return Waiter(play.time_scale)


def _look(play: Scene) -> ClusterView:
    return look(play.kube)


def _victim(play: Scene) -> tuple[VictimPod, Node]:
    victim = play.pods[0]
    node = _look(play).node(victim.node)
    if node is None:
        raise Undecided(f"the node {victim.node} is gone")
    return victim, open_node(node)


def _current(play: Scene, victim: VictimPod) -> str:
    """The container as it is now: it may have been restarted since."""
    pod = _look(play).by_uid(victim.uid)
    if pod is None:
        raise Undecided(f"the pod {victim.name} is gone")
    return pod.container(victim.container).id


def _waited(play: Scene, condition: str, done: Callable[[ClusterView], bool], timeout: str) -> Said:
    """Wait for a state of the cluster; `late` says what was seen last when it did not come."""
    started = time.time()
    try:
        _waiter(play).until(condition, lambda: _look(play), done=done, timeout=timeout)
    except TimedOut:
        return {"seconds": time.time() - started, "late": missing(play, _look(play)) or [condition]}
    return {"seconds": round(time.time() - started, 3), "late": [], "at": time.time()}


def _unready_mlflow(play: Scene, view: ClusterView) -> list[str]:
    pods = pods_of(play.names, "mlflow", view)
    leaving = [
        p
        for p in view.of(play.names.namespace, play.names.mlflow.selector)
        if p.terminating and not p.finished
    ]
    wanted = play.kube.apps.read_namespaced_deployment(
        play.deployment, play.names.namespace, _request_timeout=15
    ).spec.replicas
    ready = sum(p.ready for p in pods)
    found = [] if ready == wanted == len(pods) else [f"{ready} of {wanted} pods of MLflow ready"]
    return found + [f"pod {p.name} still leaving" for p in leaving]


def _drainable(pod: PodView, node: str) -> bool:
    """What a drain evicts: no pod of a DaemonSet, none of the kubelet's own, none that ended."""
    return pod.node == node and pod.owner not in ("DaemonSet", "Node") and not pod.finished


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
    """Ask for one eviction; False when a budget refused it. A pod that is gone counts as evicted.

    Raises:
        ApiException: it was refused for another reason.
    """
    try:
        return evict(replace(play.kube, namespace=pod.namespace), pod.name).status != 429
    except ApiException as problem:
        if problem.status == 404:
            return True
        raise


def _deleted(play: Scene) -> Said:
    victim = play.pods[0]
    at = time.time()
    play.kube.run("delete", "pod", victim.name, "--wait=false", namespace=victim.namespace)
    return {"pod": victim.name, "at": at}


def _replaced(play: Scene) -> Said:
    gone = {victim.uid for victim in play.pods}

    def replaced(view: ClusterView) -> bool:
        return not gone & {p.uid for p in view.pods} and not missing(play, view)

    return _waited(play, "replaced: the deleted pod", replaced, "whole again")


def _move(play: Scene, pod: PodView) -> None:
    """Evict a pod as soon as its budget allows, and wait until it is gone."""
    _waiter(play).until(
        f"admitted: eviction of {pod.name}",
        lambda: _evicted(play, pod),
        done=bool,
        timeout="disruption budget",
    )
    _waited(play, "gone: the evicted pod", lambda v: v.by_uid(pod.uid) is None, "whole again")


def _patched(play: Scene, fields: dict[str, Any]) -> Said:
    container = {"name": play.names.mlflow.container, **fields}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    at = time.time()
    play.kube.run("patch", "deployment", play.deployment, "--patch", json.dumps(patch))
    return {"deployment": play.deployment, **fields, "at": at}


def _rolled_out(play: Scene, done: Callable[[workloads.Rollout], bool], word: str) -> Said:
    started = time.time()

    def observe() -> workloads.Rollout:
        return workloads.look(play.kube, "deployment", play.deployment, play.names.namespace)

    try:
        seen = _waiter(play).until(
            f"{word}: rollout of {play.deployment}", observe, done=done, timeout="rollout"
        )
    except TimedOut as late:
        last = str(late.last)
        return {word: False, "seconds": time.time() - started, "last": last, "late": [last]}
    return {word: True, "seconds": round(time.time() - started, 3), "last": str(seen)}


def _uncordoned(play: Scene) -> bool:
    node = _look(play).node(play.node) if play.node else None
    if node is None or node.schedulable:
        return False
    play.kube.run("uncordon", play.node, namespace="")
    return True


def _standing(play: Scene) -> tuple[str, NodeView] | None:
    """The victim's container as it is now, and its node; None when the pod is gone."""
    if not play.pods:
        return None
    victim = play.pods[0]
    view = _look(play)
    pod, node = view.by_uid(victim.uid), view.node(victim.node)
    if pod is None or node is None:
        return None
    return pod.container(victim.container).id, node


def _continued(play: Scene) -> bool:
    """Only the container that was hit; one that came after it was never stopped."""
    found = _standing(play)
    if found is None or found[0] != play.pods[0].container_id:
        return False
    container, node = found[0], open_node(found[1])
    if "T" not in processes(node, container).values():
        return False
    node.kill_container(container, "SIGCONT")
    return True


def _mended(play: Scene) -> int:
    """Rules live in the network namespace of the pod, which outlives its containers."""
    found = _standing(play) if play.peers else None
    return 0 if found is None else links.mend(open_node(found[1]), task_of(found[0]))


def _restored_deployment(play: Scene) -> bool:
    return play.kept is not None and objects.put_back(play.kube, play.kept, _waiter(play))
