# SPDX-License-Identifier: Apache-2.0
"""The host check against machines that are made of files."""

import dataclasses
import tomllib
from pathlib import Path

import pytest

from machines import bad, machine
from mlflow_conformance.cluster import engine, podman
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.capacity import GIB
from mlflow_conformance.stand.host import findings, require
from mlflow_conformance.stand.images import load_pins
from mlflow_conformance.stand.images.pull import can_pull
from mlflow_conformance.stand.machine import Host, State
from mlflow_conformance.stand.packages import BROWSERS

_PODMAN = {"usr/lib/podman/netavark": "", "usr/lib/podman/aardvark-dns": ""}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine on which nothing is wrong."""
    return machine(tmp_path, _PODMAN)


def _write(host: Host, name: str, text: str) -> None:
    (host.root / name).write_text(text, encoding="utf-8")


def test_a_good_machine_lacks_nothing(host: Host) -> None:
    assert bad(host) == []
    require(findings(host))


@pytest.mark.parametrize(
    ("change", "sentence", "remedy"),
    [
        ({"machine": "aarch64"}, "this is aarch64", "x86_64, or check a cluster that exists"),
        ({"system": "Darwin"}, "needs Linux, this is Darwin", "gate --context"),
        ({"python": (3, 10)}, "3.10 is too old", "Python 3.11"),
        ({"uid": 1000}, "Podman without root cannot", "sudo"),
        ({"uid": 1000}, "Podman without root cannot", "group docker"),
        ({"cache_free": 19 * GIB}, "19.0 GiB free for the cache, 40 GiB", "MLFLOW_CONFORMANCE_CAC"),
    ],
)
def test_what_is_impossible_is_one_sentence(
    host: Host, change: dict[str, object], sentence: str, remedy: str
) -> None:
    other = dataclasses.replace(host, **change)  # type: ignore[arg-type]
    with pytest.raises(Unusable, match=sentence) as caught:
        require(findings(other))
    assert remedy in caught.value.remedy
    assert "\n" not in str(caught.value)


def test_too_little_memory_is_refused(host: Host) -> None:
    _write(host, "proc/meminfo", "MemAvailable: 7340032 kB\n")
    with pytest.raises(Unusable, match=r"7\.0 GiB available, 8 GiB are needed"):
        require(findings(host))


def test_a_cluster_that_is_up_has_its_memory_already(host: Host) -> None:
    _write(host, "proc/meminfo", "MemAvailable: 7340032 kB\n")
    assert bad(dataclasses.replace(host, cluster_up=True)) == []
    _write(host, "proc/meminfo", "MemAvailable: 2000000 kB\n")
    with pytest.raises(Unusable, match=r"1\.9 GiB available, 2 GiB are needed"):
        require(findings(dataclasses.replace(host, cluster_up=True)))


def test_memory_that_cannot_be_read_is_not_taken_for_enough(host: Host) -> None:
    (host.root / "proc/meminfo").unlink()
    with pytest.raises(Unusable, match=r"0\.0 GiB available"):
        require(findings(host))


def test_a_container_without_control_groups_is_refused(host: Host) -> None:
    (host.root / "sys/fs/cgroup/cgroup.controllers").unlink()
    (host.root / "sys/fs/cgroup").rmdir()
    with pytest.raises(Unusable, match="no /sys/fs/cgroup"):
        require(findings(host))


def test_a_cache_that_was_built_needs_no_more_disk(host: Host) -> None:
    assert bad(dataclasses.replace(host, cache_free=GIB, cache_used=True)) == []


def test_missing_programs_become_one_command(host: Host) -> None:
    lacking = dataclasses.replace(host, which=lambda program: None)
    container_engine, programs = bad(lacking)
    assert (container_engine.state, programs.state) == (State.MISSING, State.MISSING)
    assert "--no-install-recommends podman conmon uidmap iptables mmdebstrap nftables runc" in (
        container_engine.command
    )
    assert programs.command.endswith(" curl openssl chromium fonts-dejavu-core")


def test_netavark_of_debian_13_is_not_left_without_nft(host: Host) -> None:
    lacking = dataclasses.replace(host, which=lambda p: None if p == "nft" else p)
    (finding,) = bad(lacking)
    assert finding.command.endswith("--no-install-recommends nftables")
    _write(host, "etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n")
    assert bad(lacking) == []


@pytest.mark.parametrize(("unified", "lacking"), [(True, []), (False, ["lacking runc"])])
def test_crun_will_do_where_control_groups_are_unified(
    host: Host, unified: bool, lacking: list[str]
) -> None:
    if not unified:
        (host.root / "sys/fs/cgroup/cgroup.controllers").unlink()
    other = dataclasses.replace(host, which=lambda p: None if p == "runc" else p)
    assert [finding.detail.partition(";")[0] for finding in bad(other)] == lacking


@pytest.mark.parametrize("browser", BROWSERS)
def test_any_browser_will_do(host: Host, browser: str) -> None:
    others = {name for name in BROWSERS if name != browser}
    assert bad(dataclasses.replace(host, which=lambda p: None if p in others else p)) == []


def test_packages_are_not_installed_where_there_is_no_apt(host: Host) -> None:
    _write(host, "etc/os-release", "ID=fedora\n")
    other = dataclasses.replace(host, which=lambda program: None)
    with pytest.raises(Unusable, match="neither Debian nor Ubuntu"):
        require(findings(other))


@pytest.mark.parametrize("name", ["ID=ubuntu\n", 'ID="debian"\n', "ID=mint\nID_LIKE=debian\n"])
def test_relatives_of_debian_have_apt(host: Host, name: str) -> None:
    _write(host, "etc/os-release", name)
    assert host.apt


def test_docker_beside_and_wsl_are_told_apart(host: Host) -> None:
    _write(host, "proc/sys/kernel/osrelease", "5.15.0-Microsoft-standard-WSL2\n")
    only = dataclasses.replace(host, which=lambda program: program if program == "docker" else None)
    finding = bad(only)[0]
    assert "Docker is there" in finding.detail
    assert "Docker Desktop" in finding.detail


def test_low_kernel_settings_become_commands(host: Host) -> None:
    _write(host, "proc/sys/fs/inotify/max_user_instances", "128\n")
    _write(host, "proc/sys/net/ipv4/ip_forward", "0\n")
    with pytest.raises(Unusable) as caught:
        require(findings(host))
    assert caught.value.remedy == (
        "Run as root: echo 512 >/proc/sys/fs/inotify/max_user_instances"
        " && echo 1 >/proc/sys/net/ipv4/ip_forward"
    )


def test_the_impossible_is_told_before_the_missing(host: Host) -> None:
    _write(host, "proc/sys/net/ipv4/ip_forward", "0\n")
    other = dataclasses.replace(host, machine="riscv64")
    assert findings(other)[0].state is State.IMPOSSIBLE
    with pytest.raises(Unusable, match="riscv64"):
        require(findings(other))


def test_limits_are_never_above_the_hard_ones() -> None:
    text = podman.containers_conf({"nofile": 20_000, "nproc": -1}, "runc")
    assert 'default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]' in text


def test_settings_are_written_once_and_are_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    env = podman.Podman().environment()
    path = tmp_path / "mlflow-conformance" / "containers.conf"
    assert env["CONTAINERS_CONF"] == str(path)
    before = path.stat().st_mtime_ns
    assert podman.Podman().environment() == env
    assert path.stat().st_mtime_ns == before


def test_settings_that_nobody_needs_any_more_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    podman.Podman().environment()
    podman.Podman().forget()
    podman.Podman().forget()
    assert list(tmp_path.iterdir()) == []


def test_settings_go_and_what_others_keep_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    podman.Podman().environment()
    (tmp_path / "mlflow-conformance" / "clusters").mkdir()
    podman.Podman().forget()
    assert [p.name for p in tmp_path.rglob("*")] == ["mlflow-conformance", "clusters"]


def test_a_mirror_stands_for_every_public_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert "CONTAINERS_REGISTRIES_CONF" not in podman.Podman().environment()
    monkeypatch.setenv(engine.MIRROR, "http://127.0.0.1:5000/hub/")
    written = tomllib.loads(
        Path(podman.Podman().environment()["CONTAINERS_REGISTRIES_CONF"]).read_text()
    )
    assert written["registry"][0] == {
        "prefix": "docker.io", "location": "127.0.0.1:5000/hub/docker.io", "insecure": True,
    }  # fmt: skip
    upstream = {
        tag.partition("/")[0]
        for pin in load_pins().bundle.values()
        if can_pull(pin)
        for tags in pin.images.values()
        for tag in tags
    }
    assert upstream <= set(podman.REGISTRIES)
    podman.Podman().forget()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mirror", ["https://mirror.example", "a b", 'x"y', "/path"])
def test_a_mirror_that_is_none_is_one_sentence(mirror: str) -> None:
    with pytest.raises(Unusable, match="no registry") as caught:
        engine.mirror_at(mirror)
    assert "HOST:PORT" in caught.value.remedy
