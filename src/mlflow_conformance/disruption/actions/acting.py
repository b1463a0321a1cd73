# SPDX-License-Identifier: Apache-2.0
"""What the activities share: the victim as it is now, and a wait that says what was missing."""

import time
from collections.abc import Callable
from typing import Any

from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.cluster.node_door import open_node
from mlflow_conformance.cluster.view import ClusterView, NodeView, look
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut
from mlflow_conformance.disruption.scene import Scene, VictimPod
from mlflow_conformance.disruption.wholeness import missing

Said = dict[str, Any]
"""What an activity returns into the journal."""


def node_named(view: ClusterView, name: str) -> NodeView:
    """A node of the cluster.

    Raises:
        Undecided: it is gone.
    """
    node = view.node(name)
    if node is None:
        raise Undecided(f"the node {name} is gone")
    return node


def victim_and_node(play: Scene) -> tuple[VictimPod, NodeContainer]:
    """The victim, and its node.

    Raises:
        Undecided: the node is gone.
    """
    victim = play.pods[0]
    return victim, open_node(node_named(look(play.kube), victim.node))


def current_container(play: Scene, victim: VictimPod) -> str:
    """The id of the container as it is now: it may have been restarted since.

    Raises:
        Undecided: the pod is gone.
    """
    pod = look(play.kube).by_uid(victim.uid)
    if pod is None:
        raise Undecided(f"the pod {victim.name} is gone")
    return pod.container(victim.container).id


def standing(play: Scene) -> tuple[str, NodeView] | None:
    """The victim's container as it is now, and its node; None when the pod is gone."""
    if not play.pods:
        return None
    victim = play.pods[0]
    view = look(play.kube)
    pod, node = view.by_uid(victim.uid), view.node(victim.node)
    if pod is None or node is None:
        return None
    return pod.container(victim.container).id, node


def waited(play: Scene, condition: str, done: Callable[[ClusterView], bool], timeout: str) -> Said:
    """Wait for a state of the cluster; `late` says what was seen last when it did not come."""
    started = time.time()
    try:
        play.waiter.until(condition, lambda: look(play.kube), done=done, timeout=timeout)
    except TimedOut:
        return {
            "seconds": time.time() - started,
            "late": missing(play, look(play.kube)) or [condition],
        }
    return {"seconds": round(time.time() - started, 3), "late": [], "at": time.time()}
