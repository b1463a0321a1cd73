# SPDX-License-Identifier: Apache-2.0
"""The container engine under a cluster made here, and what Podman and Docker do differently."""

import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from mlflow_conformance.core import shell
from mlflow_conformance.core.errors import Unusable

NETWORK = "mlflow-conformance"
"""The container network of our clusters, so that nobody else's is shared or removed."""

MIRROR = "MLFLOW_CONFORMANCE_MIRROR"
"""The variable that names a registry from which all public images come, and from nowhere else."""

_ADDRESS = re.compile(r"(?P<plain>http://)?(?P<place>[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._/-]+)?)")
_S = 60.0


@dataclass(frozen=True)
class Mirror:
    """A registry that stands for all public ones, each below its own name.

    Args:
        place: ``HOST[:PORT][/PATH]``.
        plain: it is spoken to without TLS.
    """

    place: str
    plain: bool


def mirror_at(address: str) -> Mirror:
    """The mirror at an address: ``HOST[:PORT][/PATH]``, with ``http://`` before it without TLS.

    Raises:
        Unusable: it is no such address.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise Unusable(
            f"{MIRROR} is {address!r}, which is no registry",
            remedy="Write HOST, HOST:PORT or HOST:PORT/PATH; http:// before it for one without TLS",
        )
    return Mirror(found["place"].rstrip("/"), plain=bool(found["plain"]))


def mirror() -> Mirror | None:
    """The mirror that the variable `MIRROR` names, if it does; raises as `mirror_at`."""
    address = os.environ.get(MIRROR)
    return mirror_at(address) if address else None


@dataclass(frozen=True)
class Listed:
    """A container as a list has it.

    Args:
        id: the whole one.
        state: such as ``running`` or ``exited``.
    """

    id: str
    state: str


@dataclass(frozen=True)
class ImageBuild:
    """One image to be built with no network.

    Args:
        context: the folder that holds what is copied into it.
        file: its Containerfile, within the context.
        tags: its names.
        label: ``KEY=VALUE``, which it is known by.
        base: the value of the argument ``BASE``; empty where there is none.
        mounts: folders that its commands see while they run, by their place in it.
        privileged: its commands may mount.
    """

    context: Path
    file: str
    tags: Sequence[str]
    label: str
    base: str = ""
    mounts: Mapping[str, Path] = field(default_factory=dict)
    privileged: bool = False


class Engine(ABC):
    """A container engine on this machine.

    Attributes:
        program: what it is called by.
        title: what it is called.
    """

    program: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The variables under which the engine, and kind on it, run; raises as `mirror`."""

    def forget(self) -> None:
        """Remove what was written for the engine; it is written anew when it is needed."""
        return

    def run(
        self,
        *words: str | Path,
        timeout_s: float = _S,
        check: bool = True,
        stdin: str = "",
        stop: threading.Event | None = None,
    ) -> shell.Completed:
        """Run one command of the engine; raises as `shell.run` does."""
        return shell.run(
            (self.program, *words),
            timeout_s=timeout_s,
            env=self.environment(),
            check=check,
            stdin=stdin,
            stop=stop,
        )

    # Nodes: what is not here is the same words for both.

    @abstractmethod
    def containers(self, *words: str) -> list[Listed]:
        """All containers, running or not, that these words leave, such as ``--filter``."""

    @abstractmethod
    def remove_containers(self, ids: Sequence[str], *, timeout_s: float) -> shell.Completed:
        """Kill containers and remove them with their volumes; it may fail."""

    @abstractmethod
    def dangling_volumes(self) -> dict[str, set[str]]:
        """The names of volumes that no container uses, each with the keys of its labels."""

    @abstractmethod
    def network_exists(self, name: str) -> bool:
        """Whether there is such a network."""

    @abstractmethod
    def remove_network(self, name: str) -> None:
        """Remove a network that nothing is on, if there is one."""

    # Images

    @abstractmethod
    def image_exists(self, image: str) -> bool:
        """Whether the engine keeps an image of this name."""

    @abstractmethod
    def pull(self, image: str, *, timeout_s: float, stop: threading.Event | None = None) -> None:
        """Bring an image from its registry, or from the mirror, and keep it by its own name."""

    @abstractmethod
    def save(
        self,
        archive: Path,
        images: Sequence[str],
        *,
        timeout_s: float,
        stop: threading.Event | None = None,
    ) -> None:
        """Write images into one archive."""

    @abstractmethod
    def untag(self, images: Sequence[str], *, timeout_s: float) -> None:
        """Let go of images by their names, also where some are not there."""

    @abstractmethod
    def purge(self, label: str, *, timeout_s: float) -> None:
        """Remove all that builds made: what has the label ``KEY=VALUE`` and is not in use."""

    @abstractmethod
    def build(self, image: ImageBuild, *, timeout_s: float, stop: threading.Event) -> None:
        """Build an image; its commands can reach no network.

        Raises:
            CommandFailed: a command in it failed.
        """


Which = Callable[[str], str | None]
"""Finds a program in the path."""
