# SPDX-License-Identifier: Apache-2.0
"""A node that stops at once, with all that runs on it, and goes on later."""

import time

from mlflow_conformance.cluster.node_door import open_node
from mlflow_conformance.cluster.view import ClusterView, look
from mlflow_conformance.disruption.actions.acting import Said, node_named, waited
from mlflow_conformance.disruption.scene import Scene


def stop_node(scene: str) -> Said:
    """Freeze the node: nothing on it answers, and nobody was told."""
    play = Scene.read(scene)
    node = open_node(node_named(look(play.kube), play.node))
    at = time.time()
    node.freeze()
    return {"node": node.name, "at": at}


def stopped_node(scene: str) -> Said:
    """Whether the node is frozen, and what Kubernetes says of it."""
    play = Scene.read(scene)
    seen = node_named(look(play.kube), play.node)
    return {"frozen": open_node(seen).frozen(), "ready": seen.ready}


def continue_node(scene: str) -> Said:
    """Let the node go on."""
    return {"continued": thawed(Scene.read(scene)), "at": time.time()}


def wait_node_ready(scene: str) -> Said:
    """Wait until Kubernetes calls the node ready again."""
    play = Scene.read(scene)

    def ready(view: ClusterView) -> bool:
        node = view.node(play.node)
        return node is not None and node.ready

    return waited(play, f"ready: the node {play.node}", ready, "whole again")


def thawed(play: Scene) -> bool:
    """Let the scene's node go on; whether there was anything to do."""
    node = look(play.kube).node(play.node) if play.stops else None
    return node is not None and open_node(node).thaw()
