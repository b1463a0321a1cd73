# SPDX-License-Identifier: Apache-2.0
"""Locks between processes on files; each is free again when its holder ends, however it ends."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(
    path: Path, busy: Callable[[], None] = lambda: None, *, shared: bool = False
) -> Iterator[None]:
    """Hold a lock, after waiting for it.

    Args:
        busy: called once when it has to be waited for.
        shared: hold it beside others that share it, against one that wants it alone.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            busy()
            fcntl.flock(handle, kind)
        yield


@contextmanager
def lock_if_free(path: Path) -> Iterator[bool]:
    """Hold a lock alone if nobody has it; says whether it is held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
