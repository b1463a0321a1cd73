# SPDX-License-Identifier: Apache-2.0
"""Revisions of a deployment, and the files by which each is made."""

from pathlib import Path

import pytest

import shipped
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config import assets
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.revision import (
    HelmWay,
    KustomizeWay,
    Revision,
    deployment_at,
    image_name,
    images_in,
)

KUBE = Kube(Path("kubeconfig"), "context", "mlflow")


@pytest.mark.parametrize("text", ["3.16.1", "values:b.yaml", "ref:v1.2", "ref:a:b"])
def test_a_revision_is_read_as_it_is_spelled(text: str) -> None:
    assert Revision.read(text).spelled == text


@pytest.mark.parametrize("text", ["", "ref:", "values:", "tag:1", "3.16"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(Unusable, match="is no version of MLflow"):
        Revision.read(text)


def test_a_version_is_one_value_of_the_chart(tmp_path: Path) -> None:
    way = deployment_at(shipped.profile("k3d"), Revision("version", "3.16.1"), tmp_path, kube=KUBE)
    assert isinstance(way, HelmWay)
    assert way.change.arguments() == ["--set=image.tag=3.16.1"]
    assert way.whole.arguments()[-1] == "--set=image.tag=3.16.1"
    assert way.whole.values
    assert not way.change.values


def test_values_come_after_those_of_the_profile(tmp_path: Path) -> None:
    path = tmp_path / "b.yaml"
    path.write_text("a: 1\n")
    way = deployment_at(shipped.profile("k3d"), Revision("values", str(path)), tmp_path, kube=KUBE)
    assert isinstance(way, HelmWay)
    assert way.change.values == (path,)
    assert way.whole.values[-1] == path


def test_a_values_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"There is no values file .*none\.yaml"):
        deployment_at(shipped.profile("k3d"), Revision("values", "none.yaml"), tmp_path, kube=KUBE)


def test_a_kustomization_has_no_values(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="deploys a kustomization, which has no values file"):
        deployment_at(shipped.profile("eks"), Revision("values", "a"), tmp_path, kube=KUBE)


def test_the_files_as_they_are_have_no_revision(tmp_path: Path) -> None:
    way = deployment_at(shipped.profile("eks"), None, tmp_path, kube=KUBE)
    assert isinstance(way, KustomizeWay)
    assert way.path == assets.root() / "deployment/eks/overlays/kind"
    assert not list(tmp_path.iterdir())


def test_images_are_found_wherever_pods_are_described() -> None:
    pod = {"spec": {"containers": [{"name": "mlflow", "image": "m:1"}],
                    "initContainers": [{"image": "i:1"}]}}  # fmt: skip
    things = [
        {"kind": "Deployment", "metadata": {"name": "mlflow"}, "spec": {"template": pod}},
        {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": pod}}}},
    ]
    assert images_in(things) == ["i:1", "m:1"]
    assert image_name(things, shipped.profile("k3d")) == "m:1"
    with pytest.raises(Unusable, match="has no Deployment mlflow-server"):
        image_name(things, shipped.profile("eks"))
