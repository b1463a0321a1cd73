# SPDX-License-Identifier: Apache-2.0
"""Which container engine makes clusters and images on this machine."""

import os
import shutil
from pathlib import Path

from mlflow_conformance.cluster.docker import Docker
from mlflow_conformance.cluster.engine import Engine, Which
from mlflow_conformance.cluster.podman import Podman
from mlflow_conformance.core.errors import Unusable

VARIABLE = "MLFLOW_CONFORMANCE_ENGINE"
"""The variable that chooses the engine: docker or podman."""

PODMAN = Podman()
DOCKER = Docker()
_ENGINES: dict[str, Engine] = {each.program: each for each in (PODMAN, DOCKER)}


_SOCKET = Path("/var/run/docker.sock")


def choose(wish: str, which: Which, *, uid: int, served: bool) -> Engine:
    """The engine of a machine: Podman for root who has it, else Docker where that is.

    Podman as well for root where there is neither, or only Docker's client: it is what `host`
    installs then. A Docker Engine that is stopped counts as one that is there.

    Args:
        wish: the value of the variable `VARIABLE`; empty where it is not set.
        which: finds a program in the path.
        uid: of who runs this.
        served: Docker's client was told of an engine, or finds the socket of one.

    Raises:
        Unusable: there is no engine of the name that is wished for.
    """
    if wish:
        if wish not in _ENGINES:
            raise Unusable(
                f"{VARIABLE} is {wish!r}, which is no container engine known here",
                remedy="Set it to docker or podman, or leave it out",
            )
        return _ENGINES[wish]
    if not which(DOCKER.program):
        return PODMAN
    if uid:
        return DOCKER
    there = served or which("dockerd")
    return DOCKER if there and not which(PODMAN.program) else PODMAN


def chosen() -> Engine:
    """The engine of this machine; raises as `choose`."""
    served = bool(os.environ.get("DOCKER_HOST")) or _SOCKET.exists()
    return choose(os.environ.get(VARIABLE, ""), shutil.which, uid=os.getuid(), served=served)


def present() -> list[Engine]:
    """The engines that are there, the chosen one first; raises as `choose`."""
    first = chosen()
    return [
        each
        for each in sorted(_ENGINES.values(), key=lambda each: each is not first)
        if shutil.which(each.program)
    ]
