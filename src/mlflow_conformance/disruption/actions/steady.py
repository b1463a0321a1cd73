# SPDX-License-Identifier: Apache-2.0
"""The steady state of every experiment, looked at before and after."""

from mlflow_conformance.disruption.actions.acting import waited
from mlflow_conformance.disruption.scene import Scene
from mlflow_conformance.disruption.wholeness import missing


def whole(scene: str) -> bool:
    """Wait until the whole deployment is there: the steady state before and after."""
    play = Scene.read(scene)
    said = waited(
        play, "whole: the deployment", lambda view: not missing(play, view), "whole again"
    )
    return not said["late"]
