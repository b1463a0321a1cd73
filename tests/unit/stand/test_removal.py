# SPDX-License-Identifier: Apache-2.0
"""A cluster is removed although the engine gives up at first, and one sentence says if it stays."""

from pathlib import Path

import pytest

from mlflow_conformance.cluster.engine import NETWORK
from mlflow_conformance.core import waits
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import kind, removal
from mlflow_conformance.stand.claim import Claim

_ENGINE = """#!/bin/sh
told={folder}/told
case "$1" in
ps) [ "$(cat $told)" -ge {needed} ] && echo '[]' || echo '[{{"Id": "n1", "State": "running"}}]' ;;
inspect) echo '[{{"Name": "c-worker", "Id": "n1", "Config": {{"Labels":
  {{"io.x-k8s.kind.role": "worker"}}}}, "NetworkSettings": {{"Networks":
  {{"{network}": {{"IPAddress": "192.0.2.1"}}}}}}}}]' ;;
rm) echo $(($(cat $told) + 1)) > $told
  [ "$(cat $told)" -ge {needed} ] || {{ echo 'its processes did not end' >&2; exit 125; }} ;;
volume) echo '[]' ;;
esac
"""


def _claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needed: int) -> Claim:
    """A claim on a cluster whose engine removes it when it was told so often."""
    (tmp_path / "told").write_text("0")
    engine_file = tmp_path / "podman"
    engine_file.write_text(
        _ENGINE.format(folder=tmp_path, needed=needed, network=NETWORK), encoding="utf-8"
    )
    engine_file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "kubeconfig").touch()
    return Claim("c", folder)


def test_an_engine_that_gives_up_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _claim(tmp_path, monkeypatch, needed=2)
    removal.remove(held)
    assert (tmp_path / "told").read_text().strip() == "2"
    assert list(held.folder.iterdir()) == []


def test_a_cluster_that_stays_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _claim(tmp_path, monkeypatch, needed=1000)
    monkeypatch.setitem(waits.TIMEOUTS, "nodes removed", 1.0)
    with pytest.raises(Unusable, match=r"nodes of the cluster c .*: its processes did not end"):
        removal.remove(held)
    assert (held.folder / "kubeconfig").exists()


def test_a_cluster_of_another_account_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _claim(tmp_path, monkeypatch, needed=1)
    (held.folder / "kubeconfig").unlink()
    with pytest.raises(Unusable, match="was not made from") as refused:
        removal.remove(held)
    assert "podman rm --force c-worker" in str(refused.value)
    assert (tmp_path / "told").read_text() == "0"


def test_what_is_gone_is_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = _claim(tmp_path, monkeypatch, needed=1)
    kind.down(held)
    assert not held.folder.exists()
    removal.remove(held)
    assert list(held.folder.iterdir()) == []
