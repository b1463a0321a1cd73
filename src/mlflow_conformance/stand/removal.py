# SPDX-License-Identifier: Apache-2.0
"""Removes a cluster of our own: its containers, their volumes, and its files."""

from mlflow_conformance.cluster import engines
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.stand.claim import Claim
from mlflow_conformance.stand.images.steps import remove_tree
from mlflow_conformance.stand.kind_cluster import nodes_of

ENGINE = "engine"
"""The file of a cluster that names the container engine which has its nodes."""
_DELETE_S = 120.0


def remove(held: Claim) -> None:
    """Remove the containers, volumes and files of a cluster, whole or half made.

    By the container engine alone, so that it works when what was built is gone.

    Raises:
        Unusable: a foreign cluster has the name, the nodes do not go, or another engine has them.
    """
    _require_its_engine(held)
    _require_made_here(held)
    _remove_nodes(held.name)
    for volume in _leftover_volumes(held.name):
        engines.chosen().run("volume", "rm", volume)
    remove_tree(held.folder)
    held.folder.mkdir(parents=True)


def _require_its_engine(held: Claim) -> None:
    """Make sure that the engine which is chosen now is the one that has the nodes.

    Raises:
        Unusable: it is another one.
    """
    record, engine = held.folder / ENGINE, engines.chosen()
    if record.is_file() and (program := record.read_text(encoding="utf-8")) != engine.program:
        raise Unusable(
            f"The cluster {held.name} was made with {program}, and {engine.program} is chosen now",
            remedy=f"Set {engines.VARIABLE}={program}, or take it down with that first",
        )


def _require_made_here(held: Claim) -> None:
    """Make sure that nodes of this name are of this account's state, if there are any.

    Its configuration is written there before the first node is made.

    Raises:
        Unusable: they are another's, who may be using them.
    """
    if held.folder.exists() and any(held.folder.iterdir()):
        return
    if nodes := [node.name for node in nodes_of(held.name)]:
        raise Unusable(
            f"The cluster {held.name} was not made from {held.folder}: somebody else may use it",
            remedy=f"Let its owner take it down, or run "
            f"`{engines.chosen().program} rm --force {' '.join(nodes)}`",
        )


def _remove_nodes(name: str) -> None:
    """Remove the containers of a cluster, however often the engine has to be told.

    Raises:
        Unusable: they do not go.
    """
    words = ""

    def left() -> int:
        nonlocal words
        ids = [node.container for node in nodes_of(name)]
        if not ids:
            return 0
        told = engines.chosen().remove_containers(ids, timeout_s=_DELETE_S)
        words = told.tail if told.code else ""
        return len(nodes_of(name))

    try:
        Waiter().until(f"gone: {name}", left, done=lambda n: n == 0, timeout="nodes removed")
    except TimedOut:
        said = " / ".join(words.splitlines()) or "they are still there"
        raise Unusable(
            f"The nodes of the cluster {name} cannot be removed: {said}",
            remedy="Run `mlflow-conformance down` again when the machine is less busy",
        ) from None


def _leftover_volumes(name: str) -> list[str]:
    """Volumes without a node: of a run that was killed between making the one and the other.

    kind labels each volume that it names with nothing but its node's name.
    """
    nodes = {
        f"{name}-control-plane",
        f"{name}-worker",
        *(f"{name}-worker{n}" for n in range(2, 10)),
    }
    volumes = engines.chosen().dangling_volumes()
    return [volume for volume, labels in volumes.items() if labels & nodes]
