# SPDX-License-Identifier: Apache-2.0
"""Takes back whatever an experiment may have left."""

from collections.abc import Callable
from functools import partial

from mlflow_conformance.cluster import kept as objects
from mlflow_conformance.disruption.actions.acting import Said
from mlflow_conformance.disruption.actions.containers import continued
from mlflow_conformance.disruption.actions.network import mended
from mlflow_conformance.disruption.actions.nodes import uncordoned
from mlflow_conformance.disruption.actions.rollouts import restored_deployment
from mlflow_conformance.disruption.actions.stopping import thawed
from mlflow_conformance.disruption.scene import Scene


def put_back(scene: str) -> Said:
    """Take back whatever an experiment on the scene of this file may have left.

    Called as the rollback of every experiment; see `taken_back`.
    """
    return taken_back(Scene.read(scene))


def taken_back(play: Scene) -> Said:
    """Take back whatever an experiment on this scene may have left; says what there was to do.

    Called by the check as well, when the experiment is over, however it ended.

    Raises:
        ExceptionGroup: a part could not be put back; the others were.
    """
    problems: list[Exception] = []
    done: Said = {}
    steps: dict[str, Callable[[Scene], int]] = {
        # First: a node that stands still answers to none of the others.
        "thawed": thawed,
        "uncordoned": uncordoned,
        "continued": continued,
        "mended": mended,
        "restored": restored_deployment,
    }
    for name, restore in steps.items():
        try:
            done[name] = objects.insisted(name, partial(restore, play), play.waiter)
        except Exception as problem:  # noqa: BLE001 - the others are put back first; raised below
            problems.append(problem)
    if problems:
        raise ExceptionGroup("could not be put back", problems)
    return done
