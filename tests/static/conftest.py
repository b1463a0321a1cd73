# SPDX-License-Identifier: Apache-2.0
"""Helm, built if it is not there yet, and the chart."""

from pathlib import Path

import pytest

from mlflow_conformance import images, paths
from mlflow_conformance.assets import asset
from mlflow_conformance.deploy.helm import Helm
from mlflow_conformance.images import pull
from mlflow_conformance.images.steps import Builder


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Helm with no cluster; a build that is under way elsewhere is shared."""
    pinned = images.load_pins()
    steps = images.plan(pinned, pull.mode(pinned.probe))
    wanted = [step for step in steps if step.name in {"toolchain", "go.helm"}]
    Builder(paths.cache_root(), print).build(wanted)
    return Helm(images.tools().helm)


@pytest.fixture(scope="session")
def chart() -> Path:
    """The folder of the chart."""
    return asset("deployment/k3d/mlflow")
