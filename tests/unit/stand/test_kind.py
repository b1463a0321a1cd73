# SPDX-License-Identifier: Apache-2.0
"""What a cluster of our own needs before there is one: its name, its port, its configuration."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import guard, kind
from mlflow_conformance.stand.claim import claim

_HOLDER = """
import sys
from mlflow_conformance.stand.claim import claim
with claim("c"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state root of this test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "mlflow-conformance"


def test_the_second_run_is_told_who_holds_the_name(state: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _HOLDER,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(Unusable, match=f"in use by the process {holder.pid}"),
            claim("c"),
        ):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with claim("c") as held:  # a killed holder holds nothing
        assert held.name == "c"


def test_two_names_are_two_claims(state: Path) -> None:
    with claim("a") as first, claim("b") as second:
        assert first.folder != second.folder


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Unusable, match=f"port {port} of 127.0.0.1 is in use") as caught:
            kind.require_free_port(port)
    assert "names.front.url" in caught.value.remedy
    kind.require_free_port(port)


def test_the_configuration_has_the_port_on_the_loopback_only() -> None:
    config = yaml.safe_load(kind.cluster_config(18443))
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    assert config["nodes"][0]["extraPortMappings"] == [
        {"containerPort": 30443, "hostPort": 18443, "listenAddress": "127.0.0.1"}
    ]


def test_the_ingress_listens_where_the_configuration_points() -> None:
    from mlflow_conformance.config.assets import asset

    documents = yaml.safe_load_all(asset("deployment/kind/manifests/traefik.yaml").read_text())
    service = next(each for each in documents if each["kind"] == "Service")
    assert service["spec"]["ports"][0]["nodePort"] == 30443


def _seen(attempt: str, result: str) -> guard.WayOut:
    return guard.WayOut("node n", attempt, result)


_ALLOWED = {"tcp 10.96.0.1": "connected", "dns kubernetes": "10.96.0.1"}


@pytest.mark.parametrize(
    ("attempt", "result"),
    [
        ("tcp 192.0.2.1", "No route to host"),
        ("dns example.com", "none"),
        ("tcp 10.96.0.1", "connected"),
        ("dns kubernetes", "10.96.0.1"),
    ],
)
def test_a_closed_cluster_is_accepted(attempt: str, result: str) -> None:
    guard.judge(_seen(attempt, result), allowed=_ALLOWED)


@pytest.mark.parametrize(
    ("attempt", "result", "why"),
    [
        ("tcp 192.0.2.1", "connected", "traffic may leave"),
        ("tcp 192.0.2.1", "Connection refused", "traffic may leave"),
        ("tcp 192.0.2.1", "no answer", "traffic may leave"),
        ("dns example.com", "93.184.216.34", "names are asked for outside"),
        ("tcp 10.96.0.1", "no answer", "the guard proves nothing"),
        ("dns kubernetes", "none", "the guard proves nothing"),
    ],
)
def test_a_way_out_and_a_dead_control_are_refused(attempt: str, result: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        guard.judge(_seen(attempt, result), allowed=_ALLOWED)


def test_a_removed_cluster_leaves_no_files(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(state))
    with claim("c") as held:
        (held.folder / "kubeconfig").touch()
        kind.down(held)
    assert not (state / "clusters").exists()
    with claim("c") as held, claim("other"):
        kind.down(held)
    assert [path.name for path in sorted((state / "clusters").iterdir())] == ["other", "other.lock"]


def test_an_option_of_another_name_is_a_mistake_of_the_caller(state: Path) -> None:
    with claim("c") as held, pytest.raises(ValueError, match="not on d"):
        kind.up(held, kind.Options(name="d"), None, print)  # type: ignore[arg-type]
