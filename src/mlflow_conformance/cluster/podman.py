# SPDX-License-Identifier: Apache-2.0
"""Podman with settings of our own, in a file of our own: nothing under /etc is touched."""

import json
import resource
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from mlflow_conformance.cluster.engine import (
    NETWORK,
    Engine,
    ImageBuild,
    Listed,
    Mirror,
    Which,
    mirror,
)
from mlflow_conformance.core import paths, shell

REGISTRIES = ("docker.io", "quay.io", "registry.k8s.io")
"""The registries of what is pulled."""

_UNIFIED = Path("/sys/fs/cgroup/cgroup.controllers")
_WANTED = {"nofile": 1_048_576, "nproc": 32_768}
"""Enough for three nodes. Podman lowers its own limit of processes below the machine's hard one,
and nothing that it starts can be given more than it has itself."""
_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}


def runtime(which: Which, *, unified: bool) -> str | None:
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


def registries_conf(place: Mirror) -> str:
    """Names of public images, each with its place in a mirror: ``MIRROR/REGISTRY/IMAGE``."""
    insecure = "true" if place.plain else "false"
    return "".join(
        f'[[registry]]\nprefix = "{name}"\nlocation = "{place.place}/{name}"\n'
        f"insecure = {insecure}\n"
        for name in REGISTRIES
    )


class Podman(Engine):
    """Podman as root."""

    program: ClassVar[str] = "podman"
    title: ClassVar[str] = "Podman"

    def environment(self) -> dict[str, str]:
        """The variables under which Podman and kind run; writes the settings that they point to."""
        hard = {name: resource.getrlimit(number)[1] for name, number in _LIMITS.items()}
        runs = runtime(shutil.which, unified=_UNIFIED.is_file()) or "runc"
        variables = {
            "CONTAINERS_CONF": _written("containers.conf", containers_conf(hard, runs)),
            "KIND_EXPERIMENTAL_PROVIDER": "podman",
            "KIND_EXPERIMENTAL_PODMAN_NETWORK": NETWORK,
        }
        if place := mirror():
            text = registries_conf(place)
            variables["CONTAINERS_REGISTRIES_CONF"] = _written("registries.conf", text)
        return variables

    def forget(self) -> None:
        """Remove the settings; whoever needs them next writes them anew."""
        folder = paths.state_root()
        for name in ("containers.conf", "registries.conf"):
            (folder / name).unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def containers(self, *words: str) -> list[Listed]:
        """All containers that these words leave."""
        listed = self.run("ps", "--all", "--format", "json", *words).stdout
        return [Listed(each["Id"], each["State"]) for each in json.loads(listed or "[]")]

    def remove_containers(self, ids: Sequence[str], *, timeout_s: float) -> shell.Completed:
        """On a busy machine it gives up while processes still end, and says so."""
        return self.run(
            "rm", "--force", "--time=0", "--volumes", *ids, timeout_s=timeout_s, check=False
        )

    def dangling_volumes(self) -> dict[str, set[str]]:
        """Volumes that no container uses, and their labels."""
        listed = self.run("volume", "ls", "--filter", "dangling=true", "--format", "json").stdout
        volumes = json.loads(listed or "[]")
        return {str(each["Name"]): set(each.get("Labels") or ()) for each in volumes}

    def network_exists(self, name: str) -> bool:
        """Whether there is such a network."""
        return self.run("network", "exists", name, check=False).code == 0

    def remove_network(self, name: str) -> None:
        """Remove a network, if there is one."""
        self.run("network", "rm", "--force", name, check=False)

    def image_exists(self, image: str) -> bool:
        """Whether there is such an image."""
        return self.run("image", "exists", image, check=False).code == 0

    def pull(self, image: str, *, timeout_s: float, stop: threading.Event | None = None) -> None:
        """The mirror is in the settings."""
        self.run("pull", "--quiet", image, timeout_s=timeout_s, stop=stop)

    def save(
        self,
        archive: Path,
        images: Sequence[str],
        *,
        timeout_s: float,
        stop: threading.Event | None = None,
    ) -> None:
        """Write images into one archive."""
        self.run("save", "--quiet", "-m", "-o", archive, *images, timeout_s=timeout_s, stop=stop)

    def untag(self, images: Sequence[str], *, timeout_s: float) -> None:
        """Let go of images, also where some are not there."""
        self.run("rmi", "--force", "--ignore", *images, timeout_s=timeout_s, check=False)

    def purge(self, label: str, *, timeout_s: float) -> None:
        """Remove all that builds made."""
        label = f"label={label}"
        self.run("image", "prune", "--all", "--force", "--filter", label, timeout_s=timeout_s)

    def build(self, image: ImageBuild, *, timeout_s: float, stop: threading.Event) -> None:
        """In one layer over its base."""
        self.run(
            *("build", "--quiet", "--layers=false", "--network", "none", "--pull=never"),
            *("--label", image.label),
            *(("--build-arg", f"BASE={image.base}") if image.base else ()),
            *(("--cap-add", "all") if image.privileged else ()),
            *(
                word
                for place, folder in image.mounts.items()
                for word in ("-v", f"{folder}:{place}:ro")
            ),
            *(word for tag in image.tags for word in ("-t", tag)),
            *("-f", image.context / image.file, image.context),
            timeout_s=timeout_s,
            stop=stop,
        )


def _written(name: str, text: str) -> str:
    """The path of one file of settings, which holds this text."""
    path = paths.state_root() / name
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    return str(path)
