# SPDX-License-Identifier: Apache-2.0
"""Podman and Docker are told the same things in their own words, and one of them is chosen."""

import json
import shlex
import threading
from pathlib import Path

import pytest

from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.engine import MIRROR, Engine, ImageBuild, Listed
from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.cluster.node_door import open_node
from mlflow_conformance.cluster.view import NodeView
from mlflow_conformance.core.errors import Undecided, Unusable

_PROGRAM = """#!/bin/sh
for word in "$@"; do printf '%s\\0' "$word"; done >>{log}; printf '\\n' >>{log}
{answers}
"""


class Programs:
    """Engines that write down what they are told, and answer what a test wants."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, answers: str = ":") -> None:
        """A program of this name; `answers` is sh."""
        path = self._folder / name
        log = shlex.quote(str(self._folder / f"{name}.log"))
        path.write_text(_PROGRAM.format(log=log, answers=answers), encoding="utf-8")
        path.chmod(0o755)

    def told(self, name: str) -> list[str]:
        """The commands that it was given, each as one line."""
        log = self._folder / f"{name}.log"
        said = log.read_text(encoding="utf-8") if log.is_file() else ""
        return [line.rstrip("\0").replace("\0", " ") for line in said.splitlines()]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """A path that begins with a folder of engines, and a state of this test's own."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv(engines.VARIABLE, raising=False)
    monkeypatch.delenv(MIRROR, raising=False)
    return Programs(folder)


@pytest.mark.parametrize(
    ("wish", "there", "uid", "engine"),
    [
        ("", {"podman"}, 0, "podman"),
        ("", {"docker"}, 0, "podman"),  # a client alone, as on a machine that builds elsewhere
        ("", {"docker", "dockerd"}, 0, "docker"),
        ("", {"docker"}, 1000, "docker"),
        ("", {"podman", "docker", "dockerd"}, 0, "podman"),
        ("", {"podman", "docker"}, 1000, "docker"),
        ("", {"podman"}, 1000, "podman"),
        ("", set(), 0, "podman"),
        ("", set(), 1000, "podman"),
        ("docker", {"podman", "docker"}, 0, "docker"),
        ("podman", {"docker"}, 1000, "podman"),
    ],
)
def test_podman_is_for_root_and_docker_for_all(
    wish: str, there: set[str], uid: int, engine: str
) -> None:
    def which(name: str) -> str | None:
        return name if name in there else None

    assert engines.choose(wish, which, uid=uid, served=False).program == engine


def test_an_engine_that_the_client_was_told_of_is_one() -> None:
    def which(name: str) -> str | None:
        return name if name == "docker" else None

    assert engines.choose("", which, uid=0, served=True).program == "docker"


@pytest.mark.parametrize("wish", ["Docker", "nerdctl", " "])
def test_an_unknown_engine_is_one_sentence(wish: str) -> None:
    with pytest.raises(Unusable, match="no container engine known here") as caught:
        engines.choose(wish, lambda _: None, uid=0, served=False)
    assert "docker or podman" in caught.value.remedy


def _all_of_it(engine: Engine, folder: Path) -> None:
    """Everything that is asked of an engine besides a build with mounts."""
    stop = threading.Event()
    engine.containers("--filter", "network=n")
    engine.remove_containers(["a", "b"], timeout_s=5)
    engine.dangling_volumes()
    engine.network_exists("n")
    engine.remove_network("n")
    engine.image_exists("i:1")
    engine.pull("docker.io/library/i:1", timeout_s=5, stop=stop)
    engine.save(folder / "images.tar", ["i:1", "j:1"], timeout_s=5, stop=stop)
    engine.untag(["i:1", "j:1"], timeout_s=5)
    engine.purge("k=v", timeout_s=5)
    image = ImageBuild(folder, "images/i/Containerfile", ["i:1", "i:2"], "k=v", base="b:1")
    engine.build(image, timeout_s=5, stop=stop)
    node = NodeContainer("n", "id", "192.0.2.1", "worker", engine)
    node.exec(["ls", "-l"])
    node.copy_in(folder / "images.tar", "/var/images.tar", timeout_s=5)
    node.freeze()
    node.thaw()
    node.main_process()


def test_podman_is_told_what_it_was_always_told(programs: Programs, tmp_path: Path) -> None:
    programs.add("podman", "case $* in *State.Pid*) echo 7 ;; *State.Status*) echo paused ;; esac")
    _all_of_it(engines.PODMAN, tmp_path)
    assert programs.told("podman") == [
        "ps --all --format json --filter network=n",
        "rm --force --time=0 --volumes a b",
        "volume ls --filter dangling=true --format json",
        "network exists n",
        "network rm --force n",
        "image exists i:1",
        "pull --quiet docker.io/library/i:1",
        f"save --quiet -m -o {tmp_path}/images.tar i:1 j:1",
        "rmi --force --ignore i:1 j:1",
        "image prune --all --force --filter label=k=v",
        (
            "build --quiet --layers=false --network none --pull=never --label k=v"
            f" --build-arg BASE=b:1 -t i:1 -t i:2 -f {tmp_path}/images/i/Containerfile {tmp_path}"
        ),
        "exec id ls -l",
        f"cp {tmp_path}/images.tar id:/var/images.tar",
        "pause id",
        "inspect --type=container --format={{.State.Status}} id",
        "unpause id",
        "inspect --type=container --format={{.State.Pid}} id",
    ]


def test_docker_is_told_the_same_in_its_words(programs: Programs, tmp_path: Path) -> None:
    programs.add("docker", "case $* in *State.Pid*) echo 7 ;; *State.Status*) echo paused ;; esac")
    _all_of_it(engines.DOCKER, tmp_path)
    assert programs.told("docker") == [
        "ps --all --no-trunc --format {{json .}} --filter network=n",
        "rm --force --volumes a b",
        "volume ls --filter dangling=true --format {{json .}}",
        "network inspect n",
        "network rm n",
        "image inspect i:1",
        "pull --quiet docker.io/library/i:1",
        f"save -o {tmp_path}/images.tar i:1 j:1",
        "rmi --force i:1 j:1",
        "container prune --force --filter label=k=v",
        "image prune --all --force --filter label=k=v",
        (
            "build --quiet --network none --label k=v --build-arg BASE=b:1"
            f" -t i:1 -t i:2 -f {tmp_path}/images/i/Containerfile {tmp_path}"
        ),
        "exec id ls -l",
        f"cp {tmp_path}/images.tar id:/var/images.tar",
        "pause id",
        "inspect --type=container --format={{.State.Status}} id",
        "unpause id",
        "inspect --type=container --format={{.State.Pid}} id",
    ]


def _mounted(folder: Path, *, privileged: bool) -> ImageBuild:
    text = "FROM b:1\nCOPY a /tmp/\nRUN sh /tmp/a && rm /tmp/a\nUSER 5:5\n"
    (folder / "Containerfile").write_text(text)
    return ImageBuild(
        folder, "Containerfile", ["i:1", "i:2"], "k=v",
        mounts={"/wheels/w": folder / "w"}, privileged=privileged,
    )  # fmt: skip


@pytest.mark.parametrize(("privileged", "words"), [(False, ""), (True, " --cap-add all")])
def test_podman_mounts_while_it_builds(
    programs: Programs, tmp_path: Path, privileged: bool, words: str
) -> None:
    programs.add("podman")
    image = _mounted(tmp_path, privileged=privileged)
    engines.PODMAN.build(image, timeout_s=5, stop=threading.Event())
    assert programs.told("podman") == [
        (
            f"build --quiet --layers=false --network none --pull=never --label k=v{words}"
            f" -v {tmp_path}/w:/wheels/w:ro -t i:1 -t i:2 -f {tmp_path}/Containerfile {tmp_path}"
        )
    ]


@pytest.mark.parametrize(("privileged", "words"), [(False, ""), (True, " --privileged")])
def test_docker_runs_in_a_container_what_its_builder_cannot(
    programs: Programs, tmp_path: Path, privileged: bool, words: str
) -> None:
    script, parts = shlex.quote(str(tmp_path / "script")), shlex.quote(str(tmp_path / "parts"))
    part = f"{tmp_path}/.Containerfile.part"
    programs.add(
        "docker",
        f"case $1 in build) cat {shlex.quote(part)} >>{parts} ;;"
        f" run) cat >{script} ;; image) echo null; echo '[\"a\"]' ;; esac",
    )
    image = _mounted(tmp_path, privileged=privileged)
    engines.DOCKER.build(image, timeout_s=5, stop=threading.Event())
    told = programs.told("docker")
    container = told[3].split(" --name ")[1].split()[0]
    assert told == [
        f"build --quiet --network none --label k=v -t i:1 -f {part} {tmp_path}",
        "image inspect --format {{json .Config.Entrypoint}}",
        "{{json .Config.Cmd}} i:1",
        (
            f"run --interactive --name {container} --label k=v --network none"
            f" --security-opt label=disable{words} -v {tmp_path}:/context:ro"
            f" -v {tmp_path}/w:/wheels/w:ro --entrypoint /bin/sh i:1"
        ),
        f"commit {container} i:1",
        f"rm --force --volumes {container}",
        f"build --quiet --network none --label k=v -t i:1 -t i:2 -f {part} {tmp_path}",
        "image prune --force --filter label=k=v",
    ]
    assert (tmp_path / "script").read_text() == (
        "mkdir -p /tmp && cp /context/a /tmp/ && ( sh /tmp/a && rm /tmp/a )\n"
    )
    assert (tmp_path / "parts").read_text() == (
        'FROM b:1\nFROM i:1\nENTRYPOINT []\nCMD ["a"]\nUSER 5:5\n'
    )


def test_a_container_that_fails_is_removed(programs: Programs, tmp_path: Path) -> None:
    programs.add("docker", "case $1 in image) echo null; echo null ;; run) exit 3 ;; esac")
    image = _mounted(tmp_path, privileged=False)
    with pytest.raises(Exception, match="exit code 3"):
        engines.DOCKER.build(image, timeout_s=5, stop=threading.Event())
    removed, *rest = programs.told("docker")[-3:]
    assert removed.startswith("rm --force --volumes mlflow-conformance-")
    assert rest == ["rmi --force i:1 i:2", "image prune --force --filter label=k=v"]


def test_dockers_lists_are_read(programs: Programs) -> None:
    rows = [{"ID": "a", "State": "running"}, {"ID": "b", "State": "exited"}]
    volumes = [{"Name": "v", "Labels": "one=1,two="}, {"Name": "w", "Labels": ""}]
    answers = "".join(
        f" {word}) printf '%s\\n' {' '.join(shlex.quote(json.dumps(row)) for row in each)} ;;"
        for word, each in (("ps", rows), ("volume", volumes))
    )
    programs.add("docker", f"case $1 in{answers} esac")
    assert engines.DOCKER.containers() == [Listed("a", "running"), Listed("b", "exited")]
    assert engines.DOCKER.dangling_volumes() == {"v": {"one", "two"}, "w": {""}}


def test_docker_pulls_from_a_mirror_by_the_mirrors_name(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.add("docker")
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:5000/hub/")
    engines.DOCKER.pull("quay.io/i:1", timeout_s=5)
    assert programs.told("docker") == [
        "pull --quiet 127.0.0.1:5000/hub/quay.io/i:1",
        "tag 127.0.0.1:5000/hub/quay.io/i:1 quay.io/i:1",
        "rmi 127.0.0.1:5000/hub/quay.io/i:1",
    ]


def test_kind_is_told_its_provider_and_network(programs: Programs) -> None:
    assert programs.told("docker") == []
    podman, docker = engines.PODMAN.environment(), engines.DOCKER.environment()
    assert podman["KIND_EXPERIMENTAL_PROVIDER"] == "podman"
    assert podman["KIND_EXPERIMENTAL_PODMAN_NETWORK"] == "mlflow-conformance"
    assert set(podman) == {
        "CONTAINERS_CONF", "KIND_EXPERIMENTAL_PROVIDER", "KIND_EXPERIMENTAL_PODMAN_NETWORK"
    }  # fmt: skip
    assert docker["KIND_EXPERIMENTAL_PROVIDER"] == "docker"
    assert docker["KIND_EXPERIMENTAL_DOCKER_NETWORK"] == "mlflow-conformance"


_SERVER = {"Platform": {"Name": "Docker Engine - Community"}}
_INFO = {"OperatingSystem": "Debian", "SecurityOptions": ["name=seccomp,profile=builtin"]}


def _docker(
    answers: dict[str, str], *, version: str = "Docker version 26.1.5", buildx: int = 0
) -> str:
    cases = {
        "--version": f"echo {shlex.quote(version)}",
        "version": f"echo {shlex.quote(json.dumps(_SERVER))}",
        "info": f"echo {shlex.quote(json.dumps(_INFO))}",
        "context": "echo unix:///var/run/docker.sock",
        "buildx": f"exit {buildx}",
        **answers,
    }
    return "case $1 in " + "".join(f"{word}) {does} ;; " for word, does in cases.items()) + "esac"


_ROOTLESS = json.dumps({**_INFO, "SecurityOptions": ["name=seccomp", "name=rootless"]})


@pytest.mark.parametrize(
    ("program", "found"),
    [
        (_docker({}), {"community": True, "buildx": True, "rootless": False}),
        (_docker({"version": "echo '{}'"}), {"community": False}),
        (_docker({}, buildx=1), {"buildx": False}),
        (_docker({"info": f"echo {shlex.quote(_ROOTLESS)}"}), {"rootless": True}),
        (_docker({"context": "echo tcp://192.0.2.1:2375"}), {"endpoint": "tcp://192.0.2.1:2375"}),
        (_docker({"version": "echo 'no daemon' >&2; exit 1"}), {"problem": "no daemon"}),
        (_docker({}, version="podman version 5.4.2"), {"podman": True}),
    ],
)
def test_what_docker_says_of_itself_is_read(
    programs: Programs, program: str, found: dict[str, object]
) -> None:
    programs.add("docker", program)
    daemon = engines.DOCKER.daemon()
    assert {name: getattr(daemon, name) for name in found} == found


def test_words_that_are_none_of_dockers_are_a_problem(programs: Programs) -> None:
    programs.add("docker", _docker({"info": "echo no json"}))
    assert engines.DOCKER.daemon().problem


def _inspected(address: str) -> str:
    about = {
        "Name": "/n", "Id": "id", "Config": {"Labels": {"io.x-k8s.kind.role": "control-plane"}},
        "NetworkSettings": {"Networks": {"kind": {"IPAddress": address}}},
    }  # fmt: skip
    return f"echo {shlex.quote(json.dumps([about]))}"


_NODE = NodeView("n", "192.0.2.1", ready=True, schedulable=True, takes_pods=True)


@pytest.mark.parametrize(
    ("podman", "docker", "engine"),
    [
        (_inspected("192.0.2.1"), "exit 1", "podman"),
        ("exit 125", _inspected("192.0.2.1"), "docker"),
        (_inspected("192.0.2.9"), _inspected("192.0.2.1"), "docker"),
    ],
)
def test_a_node_is_found_with_the_engine_that_has_it(
    programs: Programs, podman: str, docker: str, engine: str
) -> None:
    programs.add("podman", podman)
    programs.add("docker", docker)
    node = open_node(_NODE)
    assert (node.name, node.role, node.engine.program) == ("n", "control-plane", engine)


def test_a_container_of_the_same_name_is_not_the_node(programs: Programs) -> None:
    programs.add("podman", _inspected("192.0.2.8"))
    programs.add("docker", _inspected("192.0.2.9"))
    with pytest.raises(Undecided, match=r"\['192.0.2.8', '192.0.2.9'\]"):
        open_node(_NODE)


def test_a_machine_without_an_engine_has_no_node_door(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Undecided, match="neither podman nor docker"):
        open_node(_NODE)
