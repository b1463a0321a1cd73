# SPDX-License-Identifier: Apache-2.0
"""Helm's binary is called rightly, and what it says becomes one sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.deploy.helm import Helm, Release
from mlflow_conformance.stand.deploy.program import ProgramRefused


@pytest.fixture
def fake(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a program in helm's place that keeps its arguments and then runs a script."""

    def make(script: str) -> Path:
        path = tmp_path / "helm"
        path.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" KUBECONFIG=$KUBECONFIG >{tmp_path}/said\n{script}'
        )
        path.chmod(0o755)
        return path

    return make


def said(tmp_path: Path) -> list[str]:
    """The arguments that the program got."""
    return (tmp_path / "said").read_text().splitlines()


RELEASE = Release("r", "ns", Path("chart"), (Path("a.yaml"), Path("b.yaml")), {"x.y": "1"})


def test_install(fake: Callable[[str], Path], tmp_path: Path) -> None:
    Helm(fake("true"), Path("/kube"), "kind").install(RELEASE, seconds=90.5)
    assert said(tmp_path) == [
        "upgrade", "r", "chart", "--install", "--force-conflicts", "--namespace=ns", "--wait",
        "--timeout=90s", "--values=a.yaml", "--values=b.yaml", "--set=x.y=1",
        "--kube-context=kind", "KUBECONFIG=/kube",
    ]  # fmt: skip


def test_rollback_and_uninstall(fake: Callable[[str], Path], tmp_path: Path) -> None:
    helm = Helm(fake("true"), Path("/kube"))
    helm.rollback("r", "ns", seconds=10, revision=3)
    assert said(tmp_path)[:3] == ["rollback", "r", "3"]
    helm.uninstall("r", "ns", seconds=10)
    assert said(tmp_path)[:3] == ["uninstall", "r", "--namespace=ns"]


def test_template_reads_objects_and_passes_over_empty_documents(
    fake: Callable[[str], Path], tmp_path: Path
) -> None:
    helm = Helm(fake("printf -- '---\\n# nothing\\n---\\nkind: A\\n---\\nkind: B\\n'"))
    assert helm.template(RELEASE, kube_version="1.35.4") == [{"kind": "A"}, {"kind": "B"}]
    assert "--kube-version=1.35.4" in said(tmp_path)


def test_a_key_that_is_rendered_twice_is_refused(fake: Callable[[str], Path]) -> None:
    helm = Helm(fake("printf 'kind: A\\nkind: B\\n'"))
    with pytest.raises(ProgramRefused, match="'kind' is there twice"):
        helm.template(RELEASE, kube_version="1.35.4")


def test_a_refusal_is_one_sentence_and_keeps_all_that_was_said(
    fake: Callable[[str], Path],
) -> None:
    helm = Helm(fake("echo 'level=WARN msg=x' >&2; echo 'Error: no such value' >&2; exit 1"))
    with pytest.raises(ProgramRefused) as refusal:
        helm.lint(Path("chart"))
    assert str(refusal.value).startswith("helm lint failed: no such value. ")
    assert "level=WARN" in refusal.value.output


def test_a_helm_that_hangs_is_ended(
    fake: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlflow_conformance.stand.deploy.helm._OFFLINE_SECONDS", 0.2)
    with pytest.raises(ProgramRefused, match="did not end within"):
        Helm(fake("exec sleep 30")).lint(Path("chart"))


def test_no_helm(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"There is no .*nothing"):
        Helm(tmp_path / "nothing").lint(Path("chart"))
