# SPDX-License-Identifier: Apache-2.0
"""Which container engine makes clusters and images on this machine."""

import os
import shutil

from mlflow_conformance.cluster.docker import Docker
from mlflow_conformance.cluster.engine import Engine, Which
from mlflow_conformance.cluster.podman import Podman
from mlflow_conformance.core.errors import Unusable

VARIABLE = "MLFLOW_CONFORMANCE_ENGINE"
"""The variable that chooses the engine: docker or podman."""

PODMAN = Podman()
DOCKER = Docker()
_ENGINES: dict[str, Engine] = {each.program: each for each in (PODMAN, DOCKER)}


def choose(wish: str, which: Which, *, uid: int) -> Engine:
    """The engine of a machine: Podman for root who has it, else Docker where that is.

    Podman as well where there is neither: it is what `host` installs.

    Args:
        wish: the value of the variable `VARIABLE`; empty where it is not set.
        which: finds a program in the path.
        uid: of who runs this.

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
    if which(DOCKER.program) and not (uid == 0 and which(PODMAN.program)):
        return DOCKER
    return PODMAN


def chosen() -> Engine:
    """The engine of this machine; raises as `choose`."""
    return choose(os.environ.get(VARIABLE, ""), shutil.which, uid=os.getuid())


def present() -> list[Engine]:
    """The engines that are there, the chosen one first; raises as `choose`."""
    first = chosen()
    return [
        each
        for each in sorted(_ENGINES.values(), key=lambda each: each is not first)
        if shutil.which(each.program)
    ]
