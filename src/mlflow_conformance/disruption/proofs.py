# SPDX-License-Identifier: Apache-2.0
"""Whether a fault happened, told from the system and not from the one who made it.

chaostoolkit calls it a success when nothing matched its selector. Each proof therefore needs a
trace in the cluster that only the fault leaves. Without one the check is `unknown`: it has shown
nothing about faults, however well the deployment looked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mlflow_conformance.cluster.view import ClusterView, PodView
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.disruption.scenario import ProofName
from mlflow_conformance.disruption.scene import Scene, VictimPod
from mlflow_conformance.disruption.toolkit import Journal

_KILLED = 128 + 9
"""Exit code of a process that SIGKILL ended."""


@dataclass(frozen=True)
class Played:
    """A scenario that was played, and the cluster before and after it."""

    scene: Scene
    before: ClusterView
    after: ClusterView
    journal: Journal


def prove(name: ProofName, played: Played) -> str:
    """What shows that the fault happened, in a few words.

    Raises:
        Undecided: nothing does.
    """
    return _PROOFS[name](played)


def _container_restarted(played: Played) -> str:
    victim, now = _same_pod(played)
    before = _before(played, victim.uid).container(victim.container)
    after = now.container(victim.container)
    if after.id == victim.container_id or after.restarts <= before.restarts:
        raise Undecided(f"{victim.name} still runs the container that was to be killed")
    if after.exit_code != _KILLED:
        raise Undecided(
            f"the container of {victim.name} ended with exit code {after.exit_code}, not by SIGKILL"
        )
    return (
        f"container {short(victim.container_id)} became {short(after.id)}, restarts "
        f"{before.restarts} to {after.restarts}, exit code {after.exit_code}"
    )


def _container_stopped(played: Played) -> str:
    states: Mapping[str, str] = played.journal.output("process_states")["states"]
    if not states or set(states.values()) != {"T"}:
        raise Undecided(f"not every process was stopped: {dict(states) or 'there was none'}")
    return f"all {len(states)} processes in state T after the hold"


def _pod_replaced(played: Played) -> str:
    victim = played.scene.pods[0]
    if played.after.by_uid(victim.uid) is not None:
        raise Undecided(f"the pod {victim.name} that was to be deleted is still there")
    return f"pod {victim.name} of UID {short(victim.uid)} is gone"


def _pods_replaced(played: Played) -> str:
    selector = played.scene.names.mlflow.selector
    namespace = played.scene.names.namespace
    before = {p.uid for p in played.before.of(namespace, selector) if p.replica}
    after = {p.uid for p in played.after.of(namespace, selector) if p.replica}
    if not before or before & after:
        raise Undecided(f"{len(before & after)} of {len(before)} pods of MLflow are the old ones")
    return f"all {len(before)} pods have new UIDs"


def _node_drained(played: Played) -> str:
    node = played.scene.node
    state = played.journal.output("node_state")
    there = _mlflow_on(played, node)
    if state["schedulable"]:
        raise Undecided(f"the node {node} was not cordoned")
    if not there:
        raise Undecided(f"no pod of MLflow was on {node}")
    evicted = played.journal.output("drain_node")["evicted"]
    return f"{node} was cordoned, {evicted} pods evicted from it, {len(there)} of MLflow"


def _node_stopped(played: Played) -> str:
    node, state = played.scene.node, played.journal.output("stopped_node")
    there = _mlflow_on(played, node)
    if not state["frozen"]:
        raise Undecided(f"the node {node} was not frozen after the hold")
    if state["ready"]:
        raise Undecided(
            f"Kubernetes still called the frozen node {node} ready after the hold: make hold_s "
            "longer"
        )
    if not there:
        raise Undecided(f"no pod of MLflow was on {node}")
    return f"{node} was frozen and not ready after the hold, with {len(there)} pods of MLflow"


def _mlflow_on(played: Played, node: str) -> set[str]:
    names = played.scene.names
    pods = played.before.of(names.namespace, names.mlflow.selector)
    return {p.uid for p in pods if p.node == node and p.replica}


def _link_cut(played: Played) -> str:
    dropped = played.journal.output("dropped_packets")["dropped"]
    if dropped <= 0:
        raise Undecided("no packet was dropped")
    return f"{dropped} packets dropped"


def _update_stuck(played: Played) -> str:
    seen = played.journal.output("wait_stuck")
    if not seen["stuck"]:
        raise Undecided(f"the update was not stuck: {seen['last']}")
    return str(seen["last"])


_PROOFS: Mapping[ProofName, Callable[[Played], str]] = {
    "container restarted": _container_restarted,
    "container stopped": _container_stopped,
    "link cut": _link_cut,
    "node drained": _node_drained,
    "node stopped": _node_stopped,
    "pod replaced": _pod_replaced,
    "pods replaced": _pods_replaced,
    "update stuck": _update_stuck,
}


def disturbed_decoys(played: Played) -> list[str]:
    """Pods of the deployment that the scenario was not to touch and that changed, and how."""
    return _disturbed(played, decoys(played.before, played.scene))


def disturbed_neighbours(played: Played) -> list[str]:
    """Likewise in other namespaces, where others come and go: that shows nothing of the fault."""
    return _disturbed(played, _untouched(played.before, played.scene, own=False))


def _disturbed(played: Played, pods: Sequence[PodView]) -> list[str]:
    found = []
    for pod in pods:
        now = played.after.by_uid(pod.uid)
        if now is None:
            found.append(f"{pod.key} is gone")
        else:
            found += [f"{pod.key}: {how}" for how in _changes(pod, now)]
    return found


def decoys(view: ClusterView, scene: Scene) -> Sequence[PodView]:
    """The pods of the deployment that go on and that a scenario has no business with."""
    return _untouched(view, scene, own=True)


def _untouched(view: ClusterView, scene: Scene, *, own: bool) -> Sequence[PodView]:
    return [
        p
        for p in view.pods
        if (p.namespace == scene.names.namespace) is own
        and p.uid not in scene.disposable
        and p.replica
        and not p.terminating
        and p.containers
    ]


def short(identity: str) -> str:
    """The part of a UID or container id that tells it from others."""
    return identity.rpartition("://")[2][:12]


def _changes(before: PodView, now: PodView) -> list[str]:
    found = ["it is leaving"] if now.terminating else []
    for container in before.containers:
        after = now.container(container.name)
        if after.restarts != container.restarts:
            found.append(f"{container.name} restarted {after.restarts - container.restarts} times")
        elif after.id != container.id:
            found.append(f"{container.name} is another container")
    return found


def _same_pod(played: Played) -> tuple[VictimPod, PodView]:
    victim = played.scene.pods[0]
    now = played.after.by_uid(victim.uid)
    if now is None:
        raise Undecided(f"the pod {victim.name} is gone, so its container cannot be compared")
    return victim, now


def _before(played: Played, uid: str) -> PodView:
    found = played.before.by_uid(uid)
    if found is None:
        raise Undecided("the victim was not there before the fault")
    return found
