# SPDX-License-Identifier: Apache-2.0
"""Removes a cluster of our own: its containers, their volumes, and its files."""

import json

from mlflow_conformance.cluster.node_container import podman
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.stand.claim import Claim
from mlflow_conformance.stand.images.steps import remove_tree
from mlflow_conformance.stand.kind_cluster import nodes_of

_DELETE_S = 120.0


def remove(held: Claim) -> None:
    """Remove the containers, volumes and files of a cluster, whole or half made.

    By the container engine alone, so that it works when what was built is gone.

    Raises:
        Unusable: a foreign cluster has the name, or the nodes do not go.
    """
    _require_made_here(held)
    _remove_nodes(held.name)
    for volume in _leftover_volumes(held.name):
        podman("volume", "rm", volume)
    remove_tree(held.folder)
    held.folder.mkdir(parents=True)


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
            remedy=f"Let its owner take it down, or run `podman rm --force {' '.join(nodes)}`",
        )


def _remove_nodes(name: str) -> None:
    """Remove the containers of a cluster, however often the engine has to be told.

    On a busy machine Podman gives up while the processes of a node still end, and says so.

    Raises:
        Unusable: they do not go.
    """
    words = ""

    def left() -> int:
        nonlocal words
        ids = [node.container for node in nodes_of(name)]
        if not ids:
            return 0
        told = podman(
            *("rm", "--force", "--time=0", "--volumes", *ids), timeout_s=_DELETE_S, check=False
        )
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

    kind labels each volume with nothing but its node's name; one in use is not dangling.
    """
    listed = podman("volume", "ls", "--filter", "dangling=true", "--format", "json").stdout
    nodes = {
        f"{name}-control-plane",
        f"{name}-worker",
        *(f"{name}-worker{n}" for n in range(2, 10)),
    }
    return [
        str(volume["Name"])
        for volume in json.loads(listed or "[]")
        if nodes & set(volume.get("Labels") or {})
    ]
