# SPDX-License-Identifier: Apache-2.0
"""Installations of checks: each made once, by the guide's lines, and gone when all are done."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import yaml
from pydantic import JsonValue

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.terminal import GOOD, Terminal
from mlflow_conformance.config.guides import Command, Guide
from mlflow_conformance.config.profile import HelmDeployment
from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.security.installation import Installation
from mlflow_conformance.security.workshop import (
    REFUSED,
    SECOND,
    Workshop,
    settings_of,
    write_overlay,
)
from mlflow_conformance.target.local import local_target

HELM = '#!/bin/sh\necho helm "$@" >>"$SAID"\n'
LINES = {
    "namespace": "echo namespace $NAMESPACE >>$SAID",
    "broken": "echo no room >&2; exit 1",
    "install-development": "echo install $NAMESPACE $SETTINGS >>$SAID",
}


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """Where the commands tell that they were run."""
    return tmp_path / "said"


@pytest.fixture
def workshop(tmp_path: Path, said: Path) -> Workshop:
    """One whose commands only tell that they were run, and whose namespaces are folders."""
    programs = tmp_path / "bin"
    programs.mkdir()
    helm = programs / "helm"
    helm.write_text(HELM)
    helm.chmod(0o755)
    environment = {
        "PATH": f"{programs}:/usr/bin:/bin", "SAID": str(said), "RELEASE": "mlflow", "CHART": "c",
    }  # fmt: skip

    @contextmanager
    def made(name: str, make: Callable[[], object]) -> Iterator[Installation]:
        make()
        there = Installation(Kube(tmp_path / "config", "c", name), name, frozenset())
        yield there
        for empty in reversed(there.empties):
            empty()
        with said.open("a") as file:
            file.write(f"gone {name}\n")

    guide = Guide(
        title="t",
        namespace="mlflow",
        commands={
            name: Command(section="s", guide=line, by="SEC-3.installs")
            for name, line in LINES.items()
        },
    )
    target = local_target(["http://localhost:1"], LocalInside({}))
    return Workshop(target, guide, Terminal(tmp_path, environment), Waiter(), made)


def test_a_second_installation_is_made_once_and_removed_at_the_end(
    workshop: Workshop, said: Path
) -> None:
    namespace = f"{workshop.target.names.namespace}-{SECOND}"
    with workshop:
        for _ in range(2):
            there, outcome = workshop.second("--set=a=b")
            assert (there.name, outcome) == (namespace, GOOD)
    removal = "--ignore-not-found --wait --timeout=240s"
    assert said.read_text().splitlines() == [
        f"namespace {namespace}",
        f"install {namespace} --set=a=b",
        f"helm uninstall mlflow -n {namespace} {removal}",
        f"gone {namespace}",
    ]
    assert not workshop.installations
    assert not workshop.said


def test_what_should_not_be_installed_is_removed_once(workshop: Workshop, said: Path) -> None:
    with workshop:
        assert workshop.refusing() is workshop.refusing()
        assert workshop.try_chart("--set=x=1").code == 0
    lines = [line for line in said.read_text().splitlines() if line.startswith("helm")]
    assert [line.split()[1] for line in lines] == ["install", "uninstall"]
    assert all(f"-{REFUSED} " in line for line in lines)


def test_several_installations_are_removed_at_once(workshop: Workshop) -> None:
    together = threading.Barrier(2)
    with workshop:
        for there in (workshop.second("")[0], workshop.refusing()):
            there.empties.append(partial(together.wait, 10))


def test_one_that_cannot_be_removed_keeps_no_other(workshop: Workshop, said: Path) -> None:
    def fails() -> None:
        raise Unusable("it stays", remedy="none")

    def used() -> None:
        with workshop:
            workshop.second("")[0].empties.append(fails)
            workshop.refusing()

    with pytest.raises(Unusable, match="it stays"):
        used()
    gone = [line for line in said.read_text().splitlines() if line.startswith("gone")]
    assert gone == [f"gone {workshop.target.names.namespace}-{REFUSED}"]


def test_a_namespace_that_cannot_be_made_decides_nothing(workshop: Workshop) -> None:
    with pytest.raises(Undecided, match="second installation was not made: exit code 1: no room"):
        workshop.namespace(SECOND, "broken")
    assert not workshop.installations


def test_settings_are_the_profiles_values_and_what_is_chosen() -> None:
    deployment = HelmDeployment(kind="helm", chart="c", release="r", values=["a.yaml", "b.yaml"])
    assert settings_of(deployment, {"replicaCount": "1"}) == (
        "--values=a.yaml --values=b.yaml --set=replicaCount=1"
    )
    assert settings_of(deployment, None) == "--values=a.yaml --values=b.yaml"


def test_an_overlay_patches_its_base(tmp_path: Path) -> None:
    base = tmp_path / "deployment" / "eks"
    base.mkdir(parents=True)
    patch: dict[str, JsonValue] = {
        "kind": "Deployment",
        "metadata": {"name": "m"},
        "spec": {"replicas": 1},
    }
    write_overlay(tmp_path / "overlay", base, patch)
    made = yaml.safe_load((tmp_path / "overlay" / "kustomization.yaml").read_text())
    assert made["resources"] == ["../deployment/eks"]
    assert [yaml.safe_load(p["patch"]) for p in made["patches"]] == [patch]
