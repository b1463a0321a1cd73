# SPDX-License-Identifier: Apache-2.0
"""A kind cluster of our own as the container engine knows it."""

import json
from dataclasses import dataclass
from pathlib import Path

from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.engine import NETWORK
from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.core import shell
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import images

_CLUSTER = "io.x-k8s.kind.cluster"
API_S = 30.0
"""How long the API server of a cluster on this machine may take to answer, seconds."""


@dataclass(frozen=True)
class KindCluster:
    """A running cluster.

    Args:
        kubeconfig: a private file; the user's own is never touched.
        node_image: what its nodes run.
        images_mode: how the images came to be: ``build`` or ``pull``.
        reused: whether it was up already.
    """

    name: str
    kubeconfig: Path
    nodes: tuple[NodeContainer, ...]
    front_port: int
    node_image: str
    images_mode: str
    tools: images.Tools
    reused: bool

    def kubectl(self, *words: str, timeout_s: float = API_S, stdin: str = "") -> str:
        """Run kubectl against this cluster and return what it printed; raises as `shell.run`."""
        return shell.run(
            [self.tools.kubectl, f"--kubeconfig={self.kubeconfig}", *words],
            timeout_s=timeout_s,
            stdin=stdin,
        ).stdout


def nodes_of(name: str) -> tuple[NodeContainer, ...]:
    """The nodes of a cluster of ours, none when there is no cluster.

    Raises:
        Unusable: it is somebody else's.
    """
    engine = engines.chosen()
    ids = [each.id for each in engine.containers("--filter", f"label={_CLUSTER}={name}")]
    if not ids:
        return ()
    nodes = []
    for about in json.loads(engine.run("inspect", *ids).stdout):
        networks = about["NetworkSettings"]["Networks"]
        if NETWORK not in networks:
            raise Unusable(
                f"There is a kind cluster {name} that this program did not make",
                remedy=f"Delete it with `kind delete cluster --name {name}`",
            )
        address = networks[NETWORK]["IPAddress"]
        nodes.append(NodeContainer.of(about, address=address, engine=engine))
    return tuple(sorted(nodes, key=lambda node: node.name))
