# SPDX-License-Identifier: Apache-2.0
"""kubectl, built if it is not there yet, and the kustomizations of the EKS deployment."""

import os
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.config.assets import asset
from mlflow_conformance.stand import images
from mlflow_conformance.stand.deploy.kustomize import Kustomize

Objects = list[dict[str, Any]]


@pytest.fixture(scope="session")
def kustomize() -> Kustomize:
    """kubectl with no cluster; a build that is under way elsewhere is shared."""
    return Kustomize(images.build_tools(print, "go.kube").kubectl)


@pytest.fixture(scope="session")
def deployment() -> Path:
    """The folder of the deployment."""
    return asset("deployment/eks")


@pytest.fixture(scope="session")
def base(kustomize: Kustomize, deployment: Path) -> Objects:
    """What is applied to EKS."""
    return kustomize.render(deployment / "base")


@pytest.fixture(scope="session")
def kind(kustomize: Kustomize, deployment: Path) -> Objects:
    """What is applied to kind."""
    return kustomize.render(deployment / "overlays" / "kind")


@pytest.fixture(scope="session")
def overlay(deployment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An overlay as a user writes one: both options, another registry, a newer MLflow."""
    folder = tmp_path_factory.mktemp("overlay")
    at = os.path.relpath(deployment, folder)
    (folder / "kustomization.yaml").write_text(
        f"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{at}/base]
components: [{at}/components/basic-auth, {at}/components/tracing]
images:
  - name: 123456789012.dkr.ecr.us-west-2.amazonaws.com/mlflow
    newName: registry.example/mlflow
    newTag: 3.18.0
transformers: [{at}/transformers]
""",
        encoding="utf-8",
    )
    return folder
