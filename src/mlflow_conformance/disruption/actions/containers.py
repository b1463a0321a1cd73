# SPDX-License-Identifier: Apache-2.0
"""Crash and hang: signals to every process of the victim's container, in its node."""

import time

from mlflow_conformance.cluster.node_door import open_node, processes
from mlflow_conformance.cluster.view import ClusterView
from mlflow_conformance.disruption.actions.acting import (
    Said,
    current_container,
    standing,
    victim_and_node,
    waited,
)
from mlflow_conformance.disruption.scene import Scene


def kill_container(scene: str) -> Said:
    """Kill every process of the victim's container at once; nothing in it gets to clean up."""
    play = Scene.read(scene)
    victim, node = victim_and_node(play)
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

    return waited(play, f"restarted: {victim.name}", back, "container restarted")


def stop_container(scene: str) -> Said:
    """Stop every process of the victim's container: it holds its connections and says nothing."""
    play = Scene.read(scene)
    victim, node = victim_and_node(play)
    at = time.time()
    node.kill_container(victim.container_id, "SIGSTOP")
    return {"pod": victim.name, "node": node.name, "at": at}


def process_states(scene: str) -> Said:
    """The states of the processes of the victim's container, as the node's kernel has them."""
    play = Scene.read(scene)
    victim, node = victim_and_node(play)
    states = processes(node, current_container(play, victim))
    return {"states": {str(number): state for number, state in states.items()}}


def continue_container(scene: str) -> Said:
    """Let the processes of the victim's container go on, if it is still the same container."""
    play = Scene.read(scene)
    return {"continued": continued(play), "at": time.time()}


def continued(play: Scene) -> bool:
    """Let it go on; whether there was anything to do.

    Only the container that was hit; one that came after it was never stopped."""
    found = standing(play)
    if found is None or found[0] != play.pods[0].container_id:
        return False
    container, node = found[0], open_node(found[1])
    if "T" not in processes(node, container).values():
        return False
    node.kill_container(container, "SIGCONT")
    return True
