# SPDX-License-Identifier: Apache-2.0
"""Images that are pulled: Debian's docker-registry on the loopback stands for the public ones.

Podman itself pulls, with the product's own settings, into the machine's own store; what came into
it is removed again. Runs as root where there are Podman and docker-registry: `pytest tests/hosts`.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.engine import MIRROR
from mlflow_conformance.core import paths
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.stand.images import pull
from mlflow_conformance.stand.images.steps import Builder
from processes import free_port

IMAGE = "docker.io/mlflow-conformance-tests/one:1"
LAYER_BYTES = 4_000_000
CUT_BYTES = 300_000
"""After how many a connection is cut: after a megabyte Podman would ask for the rest, and go on."""
_CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass
class Door:
    """A way to the registry that can be cut: bytes are passed on until there were too many.

    Attributes:
        left: bytes that one connection may still bring; None is no limit.
    """

    to: int
    port: int = 0
    left: int | None = None
    _socket: socket.socket = field(default_factory=socket.socket)

    def open(self) -> None:
        """Listen, and serve each connection in threads of its own."""
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return  # closed
            server = socket.create_connection(("127.0.0.1", self.to))
            for one, other, limit in ((client, server, None), (server, client, self.left)):
                threading.Thread(target=_pass_on, args=(one, other, limit), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket, left: int | None) -> None:
    with contextlib.suppress(OSError):
        while (left is None or left > 0) and (data := one.recv(65536)):
            other.sendall(data if left is None else data[:left])
            left = None if left is None else left - len(data)
    for each in (one, other):
        # A socket in which another thread waits is not closed by closing it.
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a registry that has the image below the name of its public one."""
    program = shutil.which(os.environ.get("MLFLOW_CONFORMANCE_REGISTRY", "docker-registry"))
    if program is None:
        raise Unusable("There is no docker-registry", remedy="apt-get install docker-registry")
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    (folder / "config.yml").write_text(_CONFIG.format(root=folder / "data", port=port))
    with subprocess.Popen(
        [program, "serve", folder / "config.yml"], stderr=subprocess.DEVNULL
    ) as process:
        try:
            Waiter(2).until(
                "listening: the registry", lambda: socket.socket().connect_ex(("127.0.0.1", port)),
                done=lambda code: code == 0, timeout="pod ready", interval_s=0.1,
            )  # fmt: skip
            _publish(folder, f"127.0.0.1:{port}/{IMAGE}")
            yield port
        finally:
            process.terminate()


def _publish(folder: Path, name: str) -> None:
    content = folder / "content"
    content.write_bytes(os.urandom(LAYER_BYTES))
    with tarfile.open(folder / "root.tar", "w") as made:
        made.add(content, "content")
    engines.PODMAN.run("import", "--quiet", str(folder / "root.tar"), name)
    engines.PODMAN.run("push", "--quiet", "--tls-verify=false", name)
    engines.PODMAN.run("rmi", "--force", name)


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Builder]:
    """Builds into a cache of its own; the image is not in Podman's store, before and afterwards."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MLFLOW_CONFORMANCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(engines.VARIABLE, "podman")
    yield Builder(paths.cache_root(), lambda _: None)
    engines.PODMAN.run("rmi", "--force", "--ignore", IMAGE)


def kept(builder: Builder) -> list[Path]:
    """What a later build would take for finished."""
    return [p for p in (builder.root / "steps").iterdir() if not p.name.startswith(".")]


def through(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Let all public images come from a port of the loopback."""
    monkeypatch.setenv(MIRROR, f"http://127.0.0.1:{port}")


def test_an_image_comes_from_the_mirror_under_its_public_name(
    registry: int, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    through(monkeypatch, registry)
    step = pull.image_step(IMAGE)
    archive = builder.build([step])[step.name].folder / "images.tar"
    with tarfile.open(archive) as opened:
        manifest = opened.extractfile("manifest.json")
        assert manifest is not None
        assert json.load(manifest)[0]["RepoTags"] == [IMAGE]


def test_one_attempt_tells_whether_there_is_a_registry(
    registry: int, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(pull.VARIABLE, raising=False)
    through(monkeypatch, registry)
    assert pull.mode(IMAGE) == "pull"
    (builder.root / "images-mode").unlink()
    through(monkeypatch, free_port())
    engines.PODMAN.run("rmi", "--force", IMAGE)
    assert pull.mode(IMAGE) == "build"


@pytest.mark.parametrize("why", ["missing", "closed"])
def test_an_image_that_cannot_be_had_is_one_sentence(
    registry: int, builder: Builder, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    through(monkeypatch, registry if why == "missing" else free_port())
    told = "manifest unknown" if why == "missing" else "connection refused"
    with pytest.raises(Unusable, match=told):
        builder.build([pull.image_step(IMAGE.replace(":1", ":2"))])
    assert kept(builder) == []


def test_a_pull_that_breaks_half_way_is_taken_up_again(
    registry: int, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(registry)
    door.open()
    through(monkeypatch, door.port)
    step = pull.image_step(IMAGE)
    try:
        door.left = CUT_BYTES
        with pytest.raises(Unusable, match=step.name):
            builder.build([step])
        assert kept(builder) == []
        door.left = None
        assert builder.build([step])[step.name].folder in kept(builder)
    finally:
        door.close()
