# SPDX-License-Identifier: Apache-2.0
"""Pods that go, and others that come in their place."""

import time

from mlflow_conformance.cluster.view import ClusterView
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.disruption.actions.acting import Said, waited
from mlflow_conformance.disruption.scene import Scene
from mlflow_conformance.disruption.wholeness import missing


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


def _deleted(play: Scene) -> Said:
    victim = play.pods[0]
    at = time.time()
    play.kube.delete("pod", victim.name, namespace=victim.namespace)
    return {"pod": victim.name, "at": at}


def _replaced(play: Scene) -> Said:
    gone = {victim.uid for victim in play.pods}

    def replaced(view: ClusterView) -> bool:
        return not gone & {p.uid for p in view.pods} and not missing(play, view)

    return waited(play, "replaced: the deleted pod", replaced, "whole again")
