# SPDX-License-Identifier: Apache-2.0
"""Docker Engine as it is on the machine: nothing of its settings is changed, nothing needs root."""

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mlflow_conformance.cluster.docker_build import CONTEXT, Recipe, kept, recipe
from mlflow_conformance.cluster.engine import NETWORK, Engine, ImageBuild, Listed, mirror
from mlflow_conformance.core import shell
from mlflow_conformance.core.brevity import one_line

_LINES = ("--format", "{{json .}}")
_LOOK_S = 20.0


@dataclass(frozen=True)
class Daemon:
    """What the program ``docker`` of this machine leads to.

    Args:
        problem: why it answers nothing, in Docker's words; empty where it answers.
        system: the operating system that it says it is on.
        endpoint: where it is asked, such as ``unix:///var/run/docker.sock``.
        rootless: it does not run as root.
        community: it is of Docker's own packages.
        buildx: its builder is there.
        podman: the program is Podman's, under Docker's name.
    """

    problem: str = ""
    system: str = ""
    endpoint: str = ""
    rootless: bool = False
    community: bool = False
    buildx: bool = False
    podman: bool = False


class Docker(Engine):
    """Docker, for root and for whoever may use its socket."""

    program: ClassVar[str] = "docker"
    title: ClassVar[str] = "Docker"

    def environment(self) -> dict[str, str]:
        """Its own builder, and no other that the user may have made: only that has our images."""
        return {
            "KIND_EXPERIMENTAL_PROVIDER": "docker",
            "KIND_EXPERIMENTAL_DOCKER_NETWORK": NETWORK,
            "DOCKER_BUILDKIT": "1",
            "BUILDX_BUILDER": "default",
            "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        }

    def daemon(self) -> Daemon:
        """What answers, or why nothing does."""
        try:
            return self._daemon()
        except (shell.CommandFailed, FileNotFoundError, ValueError) as problem:
            return Daemon(problem=one_line(str(problem)))

    def _daemon(self) -> Daemon:
        if not self._look("--version").stdout.startswith("Docker"):
            return Daemon(podman=True)
        server = self._look("version", "--format", "{{json .Server}}")
        if server.code:
            return Daemon(problem=one_line(server.tail))
        about = json.loads(self._look("info", *_LINES).stdout)
        where = "{{.Endpoints.docker.Host}}"
        return Daemon(
            system=about["OperatingSystem"],
            endpoint=self._look("context", "inspect", "--format", where).stdout.strip(),
            rootless="name=rootless" in (about["SecurityOptions"] or ()),
            community="Community" in server.stdout,
            buildx=self._look("buildx", "version").code == 0,
        )

    def _look(self, *words: str) -> shell.Completed:
        return self.run(*words, timeout_s=_LOOK_S, check=False)

    def containers(self, *words: str) -> list[Listed]:
        """All containers that these words leave."""
        listed = self.run("ps", "--all", "--no-trunc", *_LINES, *words).stdout.splitlines()
        return [Listed(each["ID"], each["State"]) for each in map(json.loads, listed)]

    def remove_containers(self, ids: Sequence[str], *, timeout_s: float) -> shell.Completed:
        """Kill containers and remove them with their volumes; it may fail."""
        return self.run("rm", "--force", "--volumes", *ids, timeout_s=timeout_s, check=False)

    def dangling_volumes(self) -> dict[str, set[str]]:
        """Volumes that no container uses, and their labels."""
        listed = self.run("volume", "ls", "--filter", "dangling=true", *_LINES).stdout
        volumes = map(json.loads, listed.splitlines())
        return {
            each["Name"]: {label.partition("=")[0] for label in each["Labels"].split(",")}
            for each in volumes
        }

    def network_exists(self, name: str) -> bool:
        """Whether there is such a network."""
        return self.run("network", "inspect", name, check=False).code == 0

    def remove_network(self, name: str) -> None:
        """Remove a network, if there is one."""
        self.run("network", "rm", name, check=False)

    def image_exists(self, image: str) -> bool:
        """Whether there is such an image."""
        return self.run("image", "inspect", image, check=False).code == 0

    def pull(self, image: str, *, timeout_s: float, stop: threading.Event | None = None) -> None:
        """Docker knows mirrors of one registry alone: from ours it comes by the mirror's name."""
        place = mirror()
        name = f"{place.place}/{image}" if place else image
        self.run("pull", "--quiet", name, timeout_s=timeout_s, stop=stop)
        if place:
            self.run("tag", name, image)
            self.run("rmi", name)

    def save(
        self,
        archive: Path,
        images: Sequence[str],
        *,
        timeout_s: float,
        stop: threading.Event | None = None,
    ) -> None:
        """Write images into one archive."""
        self.run("save", "-o", archive, *images, timeout_s=timeout_s, stop=stop)

    def untag(self, images: Sequence[str], *, timeout_s: float) -> None:
        """Let go of images, also where some are not there."""
        self.run("rmi", "--force", *images, timeout_s=timeout_s, check=False)

    def purge(self, label: str, *, timeout_s: float) -> None:
        """Remove all that builds made, and containers that a killed one left."""
        only = ("--force", "--filter", f"label={label}")
        self.run("container", "prune", *only, timeout_s=timeout_s)
        self.run("image", "prune", "--all", *only, timeout_s=timeout_s)

    def build(self, image: ImageBuild, *, timeout_s: float, stop: threading.Event) -> None:
        """By Docker's builder; with mounts also in a container, as `docker_build` says."""
        file = image.context / image.file
        parts = recipe(file.read_text(encoding="utf-8")) if image.mounts else None
        if parts is None:
            self._build(image, file, image.tags, timeout_s, stop)
            return
        try:
            self._build_in_parts(image, parts, timeout_s, stop)
        except BaseException:
            self.untag(image.tags, timeout_s=timeout_s)
            raise
        finally:  # what its name was taken from again on the way
            only = ("--force", "--filter", f"label={image.label}")
            self.run("image", "prune", *only, timeout_s=timeout_s, check=False)

    def _build(
        self,
        image: ImageBuild,
        file: Path,
        tags: Sequence[str],
        timeout_s: float,
        stop: threading.Event,
    ) -> None:
        """Give a file to Docker's builder."""
        self.run(
            *("build", "--quiet", "--network", "none", "--label", image.label),
            *(("--build-arg", f"BASE={image.base}") if image.base else ()),
            *(word for tag in tags for word in ("-t", tag)),
            *("-f", file, image.context),
            timeout_s=timeout_s,
            stop=stop,
        )

    def _build_in_parts(
        self, image: ImageBuild, parts: Recipe, timeout_s: float, stop: threading.Event
    ) -> None:
        """Build what comes before the commands, run them in a container, and build the rest."""
        name = image.tags[0]
        part = image.context / ".Containerfile.part"
        part.write_text(parts.first, encoding="utf-8")
        self._build(image, part, [name], timeout_s, stop)
        form = "{{json .Config.Entrypoint}}\n{{json .Config.Cmd}}"
        entry = kept(self.run("image", "inspect", "--format", form, name).stdout)
        container = f"mlflow-conformance-{os.getpid()}-{threading.get_ident()}"
        mounts = {CONTEXT: image.context, **image.mounts}
        try:
            self.run(
                *("run", "--interactive", "--name", container, "--label", image.label),
                *("--network", "none", "--security-opt", "label=disable"),
                *(("--privileged",) if image.privileged else ()),
                *(word for place, at in mounts.items() for word in ("-v", f"{at}:{place}:ro")),
                *("--entrypoint", "/bin/sh", name),
                timeout_s=timeout_s,
                stdin=parts.script,
                stop=stop,
            )
            self.run("commit", container, name, timeout_s=timeout_s, stop=stop)
        finally:
            self.run("rm", "--force", "--volumes", container, timeout_s=timeout_s, check=False)
        # A commit alone cannot take the shell away again that the container began with.
        part.write_text(f"FROM {name}\n{entry}{parts.last}", encoding="utf-8")
        self._build(image, part, image.tags, timeout_s, stop)
