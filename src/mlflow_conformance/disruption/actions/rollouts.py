# SPDX-License-Identifier: Apache-2.0
"""Updates of MLflow's Deployment, and its pods that are restarted."""

import time
from collections.abc import Callable
from typing import Any

from mlflow_conformance.cluster import kept as objects
from mlflow_conformance.cluster import workloads
from mlflow_conformance.core.waits import TimedOut
from mlflow_conformance.disruption.actions.acting import Said
from mlflow_conformance.disruption.scene import Scene

BROKEN_IMAGE = "localhost/mlflow-conformance/mlflow:does-not-exist"
UPDATE_VARIABLE = "MLFLOW_CONFORMANCE_UPDATE"
"""Changed by the rolling update: a name that MLflow does not read."""


def restart_rollout(scene: str) -> Said:
    """Replace every pod of MLflow, as `kubectl rollout restart` does."""
    play = Scene.read(scene)
    at = time.time()
    play.kube.run("rollout", "restart", f"{play.names.mlflow.kind}/{play.deployment}")
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
    return {"restored": restored_deployment(play), "at": time.time()}


def restored_deployment(play: Scene) -> bool:
    """Make it so; whether there was anything to do."""
    return play.kept is not None and objects.put_back(play.kube, play.kept, play.waiter)


def _patched(play: Scene, fields: dict[str, Any]) -> Said:
    container = {"name": play.names.mlflow.container, **fields}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    at = time.time()
    play.kube.patch(play.names.mlflow.kind, play.deployment, patch)
    return {"deployment": play.deployment, **fields, "at": at}


def _rolled_out(play: Scene, done: Callable[[workloads.Rollout], bool], word: str) -> Said:
    started = time.time()

    def observe() -> workloads.Rollout:
        server = play.names.mlflow
        return workloads.look(play.kube, server.kind, server.deployment, play.names.namespace)

    try:
        seen = play.waiter.until(
            f"{word}: rollout of {play.deployment}", observe, done=done, timeout="rollout"
        )
    except TimedOut as late:
        last = str(late.last)
        return {word: False, "seconds": time.time() - started, "last": last, "late": [last]}
    return {word: True, "seconds": round(time.time() - started, 3), "last": str(seen)}
