# SPDX-License-Identifier: Apache-2.0
"""A machine as it is, and the form of what is found out about it."""

import os
import platform
import pwd
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.docker import Daemon
from mlflow_conformance.core import paths


class State(Enum):
    """What a finding says."""

    OK = "ok"
    MISSING = "missing"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True)
class Finding:
    """One thing that a cluster needs of this machine.

    Args:
        subject: what was looked at.
        detail: what was found.
        command: mends what is missing, for a shell, as root; empty otherwise.
    """

    subject: str
    state: State
    detail: str
    command: str = ""


@dataclass(frozen=True)
class Host:
    """The machine, so that it can be another one in a test: where to look, and what is known.

    Args:
        root: the folder that stands for ``/``.
        cache_free: bytes free where the cache is kept.
        cache_used: whether a build has been there already.
        cluster_up: whether the cluster is up that is to be used again.
        which: finds a program in the path.
        system: the operating system, as `platform.system` names it.
        user: the account's name.
        docker: what Docker says of itself where it is the container engine; None where that is
            Podman.
    """

    root: Path
    machine: str
    python: tuple[int, int]
    uid: int
    cache_free: int
    cache_used: bool
    cluster_up: bool
    which: Callable[[str], str | None]
    system: str = "Linux"
    user: str = "root"
    docker: Daemon | None = None

    @classmethod
    def this(cls, *, cluster_up: bool = False) -> "Host":
        """The machine that this runs on; raises as `engines.choose`."""
        docker = engines.chosen() is engines.DOCKER
        cache = paths.cache_root()
        there = next(path for path in (cache, *cache.parents) if path.is_dir())
        return cls(
            root=Path("/"),
            machine=platform.machine(),
            python=sys.version_info[:2],
            uid=os.getuid(),
            cache_free=shutil.disk_usage(there).free,
            cache_used=(cache / "steps").is_dir(),
            cluster_up=cluster_up,
            which=shutil.which,
            system=platform.system(),
            user=_account(os.getuid()),
            docker=engines.DOCKER.daemon() if docker else None,
        )

    def text(self, path: str) -> str:
        """A file's content; empty if there is none."""
        file = self.root / path.lstrip("/")
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @property
    def unified(self) -> bool:
        """Whether control groups are those of version 2 alone."""
        return (self.root / "sys/fs/cgroup/cgroup.controllers").is_file()

    @property
    def apt(self) -> bool:
        """Whether packages come with apt."""
        return not {"ID=debian", "ID=ubuntu", "ID_LIKE=debian"}.isdisjoint(self._release)

    @property
    def codenames(self) -> set[str]:
        """What the release is called, and the one that it is made of."""
        return {line.partition("=")[2] for line in self._release if "CODENAME=" in line}

    @property
    def _release(self) -> list[str]:
        """What the system says of itself (os-release(5)), without quotes."""
        return self.text("/etc/os-release").replace('"', "").splitlines()

    @property
    def wsl(self) -> bool:
        """Whether this is the Windows Subsystem for Linux."""
        return "microsoft" in self.text("/proc/sys/kernel/osrelease").lower()


def _account(uid: int) -> str:
    """The name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
