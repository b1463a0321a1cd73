# SPDX-License-Identifier: Apache-2.0
"""What the kernel says about the processes of a container, looked at from inside.

A probe's process enters the container from outside: until it executes its program it is the
container runtime, with all of root's rights. Two looks tell it from what runs in the container.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube

_GONE = ("Z", "X")
"""States of processes that have ended: nothing holds for them any more."""
_ENTERED = 0
"""Parent of a process whose own is outside of what the container sees (pid_namespaces(7))."""
_NO_SHELL = "executable file not found"


@dataclass(frozen=True)
class Process:
    """A process as the kernel describes it (proc(5)).

    Attributes:
        pid: within the container.
        parent: likewise, of its parent.
        uid: the lowest of its user IDs, be it the real, effective, saved or file system's.
        gid: likewise of its group IDs.
        groups: the groups that it is a member of besides.
        effective: capabilities in effect, hexadecimal.
        bounding: capabilities that it could ever gain, hexadecimal.
        seccomp: 0 none, 1 strict, 2 filter.
    """

    pid: int
    parent: int
    name: str
    uid: int
    gid: int
    groups: frozenset[int]
    effective: str
    bounding: str
    seccomp: int
    no_new_privileges: int


@dataclass(frozen=True)
class ContainerInside:
    """A container from inside.

    Attributes:
        processes: all that run in it. Those that entered it from outside and were gone at a second
            look are none; the others that entered it are as they were then.
        root_write: what came of writing into the root directory.
    """

    processes: tuple[Process, ...]
    root_write: str


# A shell, and of programs only cat: a container that serves often holds little else.
_LOOK = "cat /proc/[0-9]*/status 2>/dev/null; "
_WRITE = (
    "{ ( : >/.mlflow-conformance ) 2>&1 && rm /.mlflow-conformance && echo 'root: written'; } "
    "|| true"
)


def look(kube: Kube, pod: str, container: str) -> ContainerInside | None:
    """Look at a container's processes twice, and try to write into its root directory.

    Returns None for a container without a shell, which nothing can be run in.

    Raises:
        KubeFailed: nothing can be run in it for another reason.
    """
    try:
        before = kube.exec(pod, "sh", "-c", f"{_LOOK} true", container=container)
        after = kube.exec(pod, "sh", "-c", _LOOK + _WRITE, container=container)
    except KubeFailed as problem:
        if _NO_SHELL in str(problem):
            return None
        raise
    return parse(before, after)


def parse(before: str, after: str) -> ContainerInside:
    """What two looks printed.

    Raises:
        KubeFailed: it is not what the kernel prints.
    """
    try:
        processes = _running(list(_processes(before)), list(_processes(after)))
        root_write = after.splitlines()[-1].split(":")[-1].strip()
    except (KeyError, ValueError, IndexError) as problem:
        raise KubeFailed(f"/proc cannot be understood: {after[:200]!r}") from problem
    if not processes:
        raise KubeFailed(f"/proc shows no process: {after[:200]!r}")
    return ContainerInside(processes, root_write)


def _running(before: Sequence[Process], after: Sequence[Process]) -> tuple[Process, ...]:
    """What runs in the container: of those that entered it only what is there at both looks."""
    known = {p.pid for p in before}
    return (
        *(p for p in before if p.parent != _ENTERED),
        *(p for p in after if p.parent != _ENTERED or p.pid in known),
    )


def _processes(said: str) -> Iterator[Process]:
    for text in re.split(r"^(?=Name:)", said, flags=re.MULTILINE):
        if not text.startswith("Name:"):
            continue
        lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        if lines["State"].split()[0] in _GONE:
            continue
        yield Process(
            pid=int(lines["Pid"]),
            parent=int(lines["PPid"]),
            name=lines["Name"].strip(),
            uid=min(map(int, lines["Uid"].split())),
            gid=min(map(int, lines["Gid"].split())),
            groups=frozenset(map(int, lines["Groups"].split())),
            effective=lines["CapEff"].strip(),
            bounding=lines["CapBnd"].strip(),
            seccomp=int(lines["Seccomp"]),
            no_new_privileges=int(lines["NoNewPrivs"]),
        )
