# SPDX-License-Identifier: Apache-2.0
"""Helm, built if it is not there yet, and the chart."""

from pathlib import Path

import pytest

from alert_tests import Promtool
from mlflow_conformance.config.assets import asset
from mlflow_conformance.stand import images
from mlflow_conformance.stand.deploy.helm import Helm


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Helm with no cluster; a build that is under way elsewhere is shared."""
    return Helm(images.build_tools(print, "go.helm").helm)


@pytest.fixture(scope="session")
def chart() -> Path:
    """The folder of the chart."""
    return asset("deployment/k3d/mlflow")


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Prometheus's tool for rules and queries."""
    return Promtool(images.build_tools(print, "go.promtool").promtool)
