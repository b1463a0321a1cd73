# SPDX-License-Identifier: Apache-2.0
"""The link between the victim and MLflow's pods, cut and mended."""

import time

from mlflow_conformance.cluster.node_door import open_node, task_of
from mlflow_conformance.disruption import links
from mlflow_conformance.disruption.actions.acting import (
    Said,
    current_container,
    standing,
    victim_and_node,
)
from mlflow_conformance.disruption.scene import Scene


def cut_link(scene: str) -> Said:
    """Drop every packet between the victim and MLflow's pods."""
    play = Scene.read(scene)
    victim, node = victim_and_node(play)
    at = time.time()
    links.cut(node, victim.container_id, play.peers)
    return {"between": [victim.name, *play.peers], "at": at}


def dropped_packets(scene: str) -> Said:
    """How many packets between the two were dropped until now."""
    play = Scene.read(scene)
    victim, node = victim_and_node(play)
    return {"dropped": links.dropped(node, current_container(play, victim))}


def mend_link(scene: str) -> Said:
    """Let packets pass between the two again."""
    return {"removed": mended(Scene.read(scene)), "at": time.time()}


def mended(play: Scene) -> int:
    """Take our rules away; returns how many there were.

    Rules live in the network namespace of the pod, which outlives its containers."""
    found = standing(play) if play.peers else None
    return 0 if found is None else links.mend(open_node(found[1]), task_of(found[0]))
