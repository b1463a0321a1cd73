# SPDX-License-Identifier: Apache-2.0
"""Docker Engine under the product's own code: images, nodes, and kind as far as a stub of a node.

Runs as root or as a member of the group docker, where there are Docker, its builder, mmdebstrap and
a static busybox; with kind and kubectl in the path kind is tried as well: `pytest tests/hosts`.
"""

import io
import json
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.engine import NETWORK
from mlflow_conformance.cluster.node_door import open_node
from mlflow_conformance.cluster.view import NodeView
from mlflow_conformance.config.assets import asset
from mlflow_conformance.core import shell
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import docker_host, images, kind, removal
from mlflow_conformance.stand.claim import Claim, claim
from mlflow_conformance.stand.images.containers import Making, bundle_step
from mlflow_conformance.stand.images.pins import BundlePin
from mlflow_conformance.stand.images.steps import Builder, Step, Work, remove_tree
from mlflow_conformance.stand.kind_cluster import nodes_of
from mlflow_conformance.stand.machine import Host, State
from mlflow_conformance.target.machine import counter_of, used_s

NAMES = ("localhost/mlflow-conformance-tests/one:1", "docker.io/mlflow-conformance-tests/two:1")
CLUSTER = "mlflow-conformance-hosts"
NODE_IMAGE = "localhost/mlflow-conformance-tests/node:1"
_APPLETS = (
    *("sh", "cp", "cat", "mkdir", "rm", "chmod", "id", "ls", "mount", "sleep", "test", "env"),
    *("seq", "tail", "awk", "xargs", "mv", "ln", "du"),
)
_ONE = """\
FROM localhost/mlflow-conformance/base:r
COPY images/one/words images/install-wheels /tmp/build/
RUN test "$(ls /sys/class/net)" = lo \\
 && sh /tmp/build/install-wheels /wheels/wheels.w/wheel /tmp/build/words && rm -rf /tmp/build
ENV A=1 \\
    B=2
USER 10001:10001
"""
_TWO = f'FROM {NAMES[0]}\nCMD ["sleep", "infinity"]\n'
_NODE = """\
FROM scratch
ADD root.tar /
ENTRYPOINT ["/bin/sh", "-c", "echo Reached target Multi-User System.; exec sleep 3600"]
"""


@pytest.fixture(autouse=True)
def docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Docker is the engine; cache and state are this test's own."""
    if shutil.which("docker") is None or shutil.which("busybox") is None:
        raise Unusable("There is no Docker or no busybox", remedy="apt-get install busybox-static")
    monkeypatch.setenv(engines.VARIABLE, "docker")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MLFLOW_CONFORMANCE_CACHE", str(tmp_path / "cache"))


def _root_tar(path: Path, *more: Path) -> None:
    """A file system of a static busybox, and more programs with the libraries that they load."""
    program = Path(shutil.which("busybox") or "").read_bytes()
    with tarfile.open(path, "w") as made:
        for folder in ("bin", "tmp", "sys", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            made.addfile(entry)
        entry = tarfile.TarInfo("bin/busybox")
        entry.size, entry.mode = len(program), 0o755
        made.addfile(entry, io.BytesIO(program))
        for name in _APPLETS:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            made.addfile(entry)
        libraries = {
            Path(word)
            for each in more
            for word in shell.run(["ldd", each], timeout_s=60).stdout.split()
            if word.startswith("/")
        }
        for each in more:
            made.add(each.resolve(), f"bin/{each.name}")
        for each in libraries:
            made.add(each.resolve(), str(each).lstrip("/"))


def _sources() -> list[Step]:
    def wheel(work: Work) -> None:
        (work.out / "wheel").write_text("brought\n")

    return [
        Step("root.r", {}, lambda work: _root_tar(work.out / "root.tar")),
        Step("wheels.w", {}, wheel),
    ]


def _bundle(folder: Path) -> Step:
    """A bundle of two images, made as MLflow's and the runner's are."""
    for image, text in (("one", _ONE), ("two", _TWO)):
        (folder / image).mkdir(parents=True)
        (folder / image / "Containerfile").write_text(text)
    (folder / "one" / "words").write_text("words\n")
    (folder / "install-wheels").write_text("cat $1 $2 >/made; id >>/made\n")
    pin = BundlePin(
        base="r", uses=("root.r", "wheels.w"), images={"one": (NAMES[0],), "two": (NAMES[1],)}
    )
    return bundle_step("b", pin, images=folder)


def test_the_machine_is_fit_for_it() -> None:
    host = Host.this()
    assert host.docker is not None
    finding = docker_host.engine(host, host.docker)
    assert finding.state is State.OK, finding


def test_a_bundle_is_one_archive_of_images_without_whiteouts(tmp_path: Path) -> None:
    steps = [*_sources(), _bundle(tmp_path / "images")]
    archive = Builder(tmp_path / "cache", print).build(steps)["bundle.b"].folder / "images.tar"
    with tarfile.open(archive) as opened:
        manifest = json.load(opened.extractfile("manifest.json") or io.BytesIO())
        one, two = sorted(manifest, key=lambda each: each["RepoTags"][0].rpartition("/")[2])
        configs = [
            json.load(opened.extractfile(each["Config"]) or io.BytesIO())["config"]
            for each in (one, two)
        ]
        inside: dict[str, bytes] = {}
        for layer in two["Layers"]:
            with tarfile.open(fileobj=opened.extractfile(layer)) as files:
                for file in files.getmembers():
                    data = files.extractfile(file) if file.isreg() else None
                    inside[file.name] = data.read() if data else b""
    assert [name.rpartition("/")[2] for each in (one, two) for name in each["RepoTags"]] == [
        "one:1", "two:1",
    ]  # fmt: skip
    assert inside["made"].startswith(b"brought\nwords\nuid=0")
    assert not [name for name in inside if ".wh." in name or name.startswith("tmp/build")]
    assert [config["User"] for config in configs] == ["10001:10001"] * 2
    assert {"A=1", "B=2"} <= set(configs[0]["Env"])
    assert [config.get("Entrypoint") or [] for config in configs] == [[], []]
    assert [config.get("Cmd") or [] for config in configs] == [[], ["sleep", "infinity"]]
    assert not any(engines.DOCKER.image_exists(name) for name in NAMES)


def _work(tmp_path: Path) -> Work:
    (tmp_path / "out").mkdir()
    return Work(tmp_path / "out", {}, "k", threading.Event())


@pytest.mark.parametrize("archives", [True, False])
def test_only_what_unpacks_archives_may_mount(tmp_path: Path, archives: bool) -> None:
    work = _work(tmp_path)
    _root_tar(work.out / "root.tar")
    text = "FROM scratch\nADD root.tar /\nRUN mkdir /m && mount -t tmpfs x /m && cat /archives/a/f"
    (work.out / "Containerfile").write_text(f"{text}\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_text("x")
    sources = {"a": tmp_path / "a"}
    making = Making(work)
    try:
        if archives:
            making.build(work.out, [NODE_IMAGE], archives=sources)
            assert engines.DOCKER.image_exists(NODE_IMAGE)
        else:
            with pytest.raises(Exception, match=r"mount.*(denied|permitted)"):
                making.build(work.out, [NODE_IMAGE], wheels=sources)
            assert not engines.DOCKER.image_exists(NODE_IMAGE)
    finally:
        making.untag([NODE_IMAGE])


def test_images_are_unpacked_into_an_image_as_into_a_nodes(tmp_path: Path) -> None:
    """With the script that fills the node image, and the containerd of Docker's package."""
    programs = [Path(shutil.which(name) or "/nowhere") for name in ("containerd", "ctr")]
    work = _work(tmp_path)
    context = work.out / "context"
    context.mkdir()
    _root_tar(context / "root.tar", *programs)
    script = (asset("deployment/kind/node-base") / "preload").read_text(encoding="utf-8")
    (context / "preload").write_text(script.replace("/bin/bash", "/bin/sh", 1))
    (context / "preload").chmod(0o755)
    (context / "Containerfile").write_text(
        "FROM scratch\nADD root.tar /\nCOPY preload /bin/preload\n"
        "RUN preload /archives/*/images.tar\n"
    )
    steps = [*_sources(), _bundle(tmp_path / "images")]
    made = Builder(tmp_path / "cache", print).build(steps)["bundle.b"].folder
    making = Making(work)
    try:
        making.build(context, [NODE_IMAGE], archives={"b": made})
        run = ("run", "--rm", "--network", "none", NODE_IMAGE)
        words = "cat /kind/layers/*/fs/made; ls /var/lib/containerd"
        said = engines.DOCKER.run(*run, "sh", "-c", words, timeout_s=300).stdout
        assert said.startswith("brought\nwords\nuid=0")
        assert "io.containerd.metadata.v1.bolt" in said
    finally:
        making.untag([NODE_IMAGE])


@pytest.fixture
def node_image(tmp_path: Path) -> Iterator[str]:
    """An image that begins as a node does, and holds no Kubernetes."""
    work = _work(tmp_path)
    _root_tar(work.out / "root.tar")
    (work.out / "Containerfile").write_text(_NODE)
    making = Making(work)
    making.build(work.out, [NODE_IMAGE])
    yield NODE_IMAGE
    making.untag([NODE_IMAGE])


@pytest.fixture
def held(node_image: str) -> Iterator[Claim]:
    """A claim on a cluster of one worker, in our network."""
    run = engines.DOCKER.run
    with claim(CLUSTER) as held:
        there = engines.DOCKER.network_exists(NETWORK)
        if not there:
            run("network", "create", NETWORK)
        run(
            *("run", "--detach", "--network", NETWORK, "--name", f"{CLUSTER}-worker"),
            *("--label", f"io.x-k8s.kind.cluster={CLUSTER}"),
            *("--label", "io.x-k8s.kind.role=worker", "--volume", "/var", node_image),
        )
        (held.folder / removal.ENGINE).write_text("docker")
        try:
            yield held
        finally:
            removal.remove(held)
            remove_tree(held.folder)
            if not there:
                engines.DOCKER.remove_network(NETWORK)


def test_a_node_is_a_container_of_docker(held: Claim, tmp_path: Path) -> None:
    (listed,) = nodes_of(held.name)
    assert kind.running(held.name)
    view = NodeView(listed.name, listed.address, ready=True, schedulable=True, takes_pods=True)
    node = open_node(view)
    assert node == listed
    (tmp_path / "file").write_text("brought")
    node.copy_in(tmp_path / "file", "/var/file", timeout_s=60)
    assert node.exec(["cat", "/var/file"]).stdout == "brought"
    said = Path(f"/proc/{node.main_process()}/cgroup").read_text(encoding="utf-8")
    assert used_s(counter_of(said, node.container).read_text()) > 0
    assert not node.thaw()
    node.freeze()
    assert node.frozen()
    assert node.thaw()


def test_a_cluster_goes_with_its_volumes_and_only_by_its_engine(
    held: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = "{{range .Mounts}}{{.Name}}{{end}}"
    volume = engines.DOCKER.run("inspect", "--format", form, f"{CLUSTER}-worker").stdout.strip()
    monkeypatch.setenv(engines.VARIABLE, "podman")
    with pytest.raises(Unusable, match="was made with docker"):
        removal.remove(held)
    monkeypatch.setenv(engines.VARIABLE, "docker")
    removal.remove(held)
    assert nodes_of(held.name) == ()
    assert volume not in engines.DOCKER.dangling_volumes()


def test_kind_makes_nodes_with_docker_and_what_it_made_goes(node_image: str) -> None:
    """A stub has no kubeadm, so that kind fails there, after its nodes ran."""
    programs = {name: Path(shutil.which(name) or "/nowhere") for name in ("kind", "kubectl")}
    if not all(path.is_file() for path in programs.values()):
        pytest.skip("there is no kind or no kubectl in the path")
    other = Path("/nowhere")
    tools = images.Tools(**programs, helm=other, minio=other, promtool=other)
    built = images.Built("build", node_image, tools, ())
    with claim(CLUSTER) as held:
        try:
            with pytest.raises(Unusable, match="could not be made") as refused:
                kind.up(held, kind.Options(name=CLUSTER, front_port=15999), built, print)
        finally:
            print(refused.value)
            kind.down(held)
    assert engines.DOCKER.containers("--filter", f"label=io.x-k8s.kind.cluster={CLUSTER}") == []
