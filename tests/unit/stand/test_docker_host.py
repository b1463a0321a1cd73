# SPDX-License-Identifier: Apache-2.0
"""The host check where Docker is the engine: for root, for its group, and where it will not do."""

import dataclasses
from pathlib import Path

import pytest

from machines import bad, machine
from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.docker import Daemon
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.host import findings, require
from mlflow_conformance.stand.machine import Host

_IDS = {"etc/subuid": "other:1:2\nme:100000:65536\n", "etc/subgid": "1000:100000:65536\n"}
_GOOD = Daemon(system="Debian", endpoint="unix:///var/run/docker.sock", buildx=True)
_NO_PODMAN = {"podman", "conmon", "runc", "crun", "nft"}
DENIED = "permission denied while trying to connect to the Docker daemon socket at unix:///x"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine with Docker, no Podman, and an account that may use Docker's socket."""
    return dataclasses.replace(
        machine(tmp_path, _IDS),
        python=(3, 13),
        uid=1000,
        user="me",
        which=lambda program: None if program in _NO_PODMAN else program,
        docker=_GOOD,
    )


def _changed(host: Host, **change: object) -> Host:
    return dataclasses.replace(host, docker=dataclasses.replace(_GOOD, **change))  # type: ignore[arg-type]


def test_a_member_of_the_group_docker_needs_no_root(host: Host) -> None:
    assert bad(host) == []
    assert ("privileges", "me, by Docker's socket") in {
        (finding.subject, finding.detail) for finding in findings(host)
    }


def test_root_needs_no_ids_set_aside(host: Host) -> None:
    (host.root / "etc/subuid").unlink()
    root = dataclasses.replace(
        host, uid=0, which=lambda p: None if p in {"newuidmap", *_NO_PODMAN} else p
    )
    assert bad(root) == []


@pytest.mark.parametrize(
    ("change", "sentence", "remedy"),
    [
        ({"problem": DENIED}, "privileges: me may not use Docker's socket", "usermod -aG docker"),
        ({"problem": "Cannot connect"}, "does not answer: Cannot connect", "systemctl start"),
        ({"podman": True}, "docker is Podman here, under another name", "Install Docker Engine"),
        ({"system": "Docker Desktop"}, "machine of its own", "Install Docker Engine"),
        ({"endpoint": "ssh://h"}, "Docker is at ssh://h, on another machine", "DOCKER_HOST"),
        ({"rootless": True}, "Docker is rootless here", "docker context use default"),
    ],
)
def test_a_docker_that_will_not_do_is_one_sentence(
    host: Host, change: dict[str, object], sentence: str, remedy: str
) -> None:
    with pytest.raises(Unusable, match=sentence) as caught:
        require(findings(_changed(host, **change)))
    assert remedy in caught.value.remedy
    assert "gate --context" in caught.value.remedy
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("community", "package"), [(True, "docker-buildx-plugin"), (False, "docker-buildx")]
)
def test_the_builder_comes_from_where_docker_comes(
    host: Host, community: bool, package: str
) -> None:
    (finding,) = bad(_changed(host, buildx=False, community=community))
    assert finding.command.endswith(f"--no-install-recommends {package}")


def test_what_makes_file_systems_is_asked_for(host: Host) -> None:
    (host.root / "usr/share/keyrings/debian-archive-keyring.gpg").unlink()
    without = {"mmdebstrap", "newuidmap", *_NO_PODMAN}
    bare = dataclasses.replace(host, which=lambda p: None if p in without else p)
    (finding,) = bad(bare)
    assert finding.command.endswith(" mmdebstrap uidmap debian-archive-keyring")
    with pytest.raises(Unusable) as caught:
        require(findings(bare))
    assert caught.value.remedy.startswith("Run as root: apt-get update")


@pytest.mark.parametrize("file", ["subuid", "subgid"])
def test_an_account_without_subordinate_ids_is_told(host: Host, file: str) -> None:
    (host.root / "etc" / file).write_text("other:1:2\n")
    (finding,) = bad(host)
    assert finding.command.startswith("usermod --add-subuids")
    assert finding.command.endswith(" me")


def test_this_machine_is_asked_what_its_engine_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "docker"
    program.write_text(
        f"#!/bin/sh\n[ $1 != --version ] || exec echo Docker\necho '{DENIED}' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv(engines.VARIABLE, "docker")
    assert Host.this().docker == Daemon(problem=DENIED)
    monkeypatch.setenv(engines.VARIABLE, "podman")
    assert Host.this().docker is None
    monkeypatch.setenv(engines.VARIABLE, "dokcer")
    with pytest.raises(Unusable, match="is 'dokcer'"):
        Host.this()
