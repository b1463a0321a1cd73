# SPDX-License-Identifier: Apache-2.0
"""The exclusive right to a cluster's name on this machine, and what is recorded under it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from mlflow_conformance.core import paths
from mlflow_conformance.core.errors import Unusable

NAME = "mlflow-conformance"


@dataclass(frozen=True)
class Claim:
    """The exclusive right to a cluster's name on this machine, while `claim` is open."""

    name: str
    folder: Path = field(repr=False)


@contextmanager
def claim(name: str = NAME) -> Iterator[Claim]:
    """Keep other runs from a cluster's name; it is free again when this process ends.

    Raises:
        Unusable: another run holds it; its process id is named.
    """
    folder = _folder_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    with _held_lock(folder.parent / f"{name}.lock", name) as lock:
        yield Claim(name, folder)
        if not folder.exists():  # the cluster was removed: leave nothing of it
            lock.unlink()
            with suppress(OSError):  # other clusters are there
                folder.parent.rmdir()


@contextmanager
def _held_lock(lock: Path, name: str) -> Iterator[Path]:
    with lock.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise Unusable(
                f"The cluster {name} is in use by the process {holder}",
                remedy="Wait for it to end, or end it",
            ) from None
        if not lock.exists() or not lock.samefile(f"/proc/self/fd/{handle.fileno()}"):
            raise Unusable(
                f"The cluster {name} was removed by another run at this moment",
                remedy="Run it again",
            )
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        yield lock


def recorded(name: str = NAME) -> bool:
    """Whether a cluster was made here and not taken down; it may have stopped since."""
    return recorded_digest(_folder_of(name)) is not None


def _folder_of(name: str) -> Path:
    return paths.state_root() / "clusters" / name


def recorded_digest(folder: Path) -> str | None:
    """What the cluster of this folder was made of; None when it was not made to its end."""
    try:
        return str(json.loads((folder / "cluster.json").read_text(encoding="utf-8"))["digest"])
    except FileNotFoundError:
        return None
