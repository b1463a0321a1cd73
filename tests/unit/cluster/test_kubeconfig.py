# SPDX-License-Identifier: Apache-2.0
"""Which of several kubeconfigs is used."""

import os
from pathlib import Path

import pytest
import yaml

from mlflow_conformance.cluster.kubeconfig import kubeconfig_of
from mlflow_conformance.core.errors import Unusable


def kubeconfig(path: Path, context: str, *, cluster: str = "c", user: str = "u") -> Path:
    """A kubeconfig with one context; its cluster is `c` and its user `u`."""
    path.write_text(
        yaml.safe_dump(
            {
                "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
                "clusters": [{"name": "c", "cluster": {}}],
                "users": [{"name": "u", "user": {}}],
            }
        )
    )
    return path


def test_the_file_with_the_context_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kubeconfig(tmp_path / "first", "test")
    second = kubeconfig(tmp_path / "second", "prod")
    paths = [tmp_path / "absent", first, second]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, paths)))
    assert kubeconfig_of(None, "prod") == second
    assert kubeconfig_of(first, "prod") == first
    with pytest.raises(Unusable, match="None of the kubeconfigs"):
        kubeconfig_of(None, "other")


def test_a_context_in_pieces_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apart = kubeconfig(tmp_path / "apart", "prod", user="elsewhere")
    monkeypatch.setenv("KUBECONFIG", f"{apart}{os.pathsep}{tmp_path / 'absent'}")
    with pytest.raises(Unusable, match="config view --flatten"):
        kubeconfig_of(None, "prod")


def test_one_file_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/one")
    assert kubeconfig_of(None, "anything") == Path("/one")
    monkeypatch.delenv("KUBECONFIG")
    assert kubeconfig_of(None, "anything") == Path("~/.kube/config").expanduser()
