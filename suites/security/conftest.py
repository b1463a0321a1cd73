# SPDX-License-Identifier: Apache-2.0
"""Installations beside the one under test, which the checks of this folder share."""

from collections.abc import Iterator

import pytest

from mlflow_conformance.cluster.terminal import Terminal
from mlflow_conformance.config.guides import Guide, folder_of
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.security.installation import installation
from mlflow_conformance.security.workshop import Workshop
from mlflow_conformance.target.base import Target


@pytest.fixture(scope="session")
def workshop_of_all(
    deployment: HelmDeployment | KustomizeDeployment,
    target: Target,
    guide: Guide,
    prompt: Terminal,
    waiter: Waiter,
) -> Iterator[Workshop]:
    """The one workshop of a run."""
    kube = target.need_kube()
    folder = str(target.root / folder_of(deployment))
    release = deployment.release if isinstance(deployment, HelmDeployment) else ""
    with Workshop(
        target,
        guide,
        prompt.with_variables(CHART=folder, KUSTOMIZATION=folder, RELEASE=release),
        waiter,
        lambda name, make: installation(kube, name, make, waiter),
    ) as made:
        yield made


@pytest.fixture
def workshop(workshop_of_all: Workshop, request: pytest.FixtureRequest) -> Iterator[Workshop]:
    """Installations of these checks; all are removed after the last check of the run with them."""
    yield workshop_of_all
    items = request.session.items
    later = items[items.index(request.node) + 1 :]
    if not any("workshop" in item.fixturenames for item in later if hasattr(item, "fixturenames")):
        workshop_of_all.close()
