# SPDX-License-Identifier: Apache-2.0
"""Podman with settings of our own, in a file of our own: nothing under /etc is touched."""

import os
import re
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

from mlflow_conformance.core import paths
from mlflow_conformance.core.errors import Unusable

NETWORK = "mlflow-conformance"
"""The container network of our clusters, so that nobody else's is shared or removed."""

MIRROR = "MLFLOW_CONFORMANCE_MIRROR"
"""The variable that names a registry from which all public images come, and from nowhere else."""
REGISTRIES = ("docker.io", "quay.io", "registry.k8s.io")
"""The registries of what is pulled."""

_ADDRESS = re.compile(r"(?P<plain>http://)?(?P<place>[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._/-]+)?)")
_UNIFIED = Path("/sys/fs/cgroup/cgroup.controllers")
_WANTED = {"nofile": 1_048_576, "nproc": 32_768}
"""Enough for three nodes. Podman lowers its own limit of processes below the machine's hard one,
and nothing that it starts can be given more than it has itself."""
_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}


def runtime(which: Callable[[str], str | None], *, unified: bool) -> str | None:
    """The container runtime for Podman: runc, or crun where only that is; None when there is none.

    crun refuses a hybrid of cgroup v1 and v2.

    Args:
        which: finds a program in the path.
        unified: control groups are those of version 2 alone.
    """
    if which("runc"):
        return "runc"
    return "crun" if unified and which("crun") else None


def containers_conf(hard_limits: dict[str, int], runs: str) -> str:
    """Podman's settings for this machine.

    Limits no higher than the machine's
    hard ones, because a privileged container asks for more and then cannot start where root
    lacks CAP_SYS_RESOURCE.

    Args:
        hard_limits: of this process, by Podman's name; -1 is no limit.
        runs: the container runtime.
    """
    limits = []
    for name, wanted in _WANTED.items():
        hard = hard_limits[name]
        limit = wanted if hard < 0 else min(hard, wanted)
        limits.append(f'"{name}={limit}:{limit}"')
    return (
        f'[engine]\nruntime = "{runs}"\n'
        '[network]\nnetwork_backend = "netavark"\n'
        f"[containers]\ndefault_ulimits = [{', '.join(limits)}]\n"
    )


def registries_conf(mirror: str) -> str:
    """Names of public images, each with its place in a mirror: ``MIRROR/REGISTRY/IMAGE``.

    Args:
        mirror: ``HOST[:PORT][/PATH]``; with ``http://`` before it one without TLS.

    Raises:
        Unusable: it is no such address.
    """
    address = _ADDRESS.fullmatch(mirror)
    if address is None:
        raise Unusable(
            f"{MIRROR} is {mirror!r}, which is no registry",
            remedy="Write HOST, HOST:PORT or HOST:PORT/PATH; http:// before it for one without TLS",
        )
    insecure = "true" if address["plain"] else "false"
    return "".join(
        f'[[registry]]\nprefix = "{name}"\nlocation = "{address["place"].rstrip("/")}/{name}"\n'
        f"insecure = {insecure}\n"
        for name in REGISTRIES
    )


def environment() -> dict[str, str]:
    """The variables under which Podman and kind run; writes the settings that they point to.

    Raises:
        Unusable: as `registries_conf` raises it, for the variable `MIRROR`.
    """
    hard = {name: resource.getrlimit(number)[1] for name, number in _LIMITS.items()}
    runs = runtime(shutil.which, unified=_UNIFIED.is_file()) or "runc"
    variables = {
        "CONTAINERS_CONF": _written("containers.conf", containers_conf(hard, runs)),
        "KIND_EXPERIMENTAL_PROVIDER": "podman",
        "KIND_EXPERIMENTAL_PODMAN_NETWORK": NETWORK,
    }
    if mirror := os.environ.get(MIRROR):
        text = registries_conf(mirror)
        variables["CONTAINERS_REGISTRIES_CONF"] = _written("registries.conf", text)
    return variables


def forget() -> None:
    """Remove the settings; whoever needs them next writes them anew."""
    folder = paths.state_root()
    for name in ("containers.conf", "registries.conf"):
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _written(name: str, text: str) -> str:
    """The path of one file of settings, which holds this text."""
    path = paths.state_root() / name
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    return str(path)
