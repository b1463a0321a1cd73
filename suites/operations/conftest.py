# SPDX-License-Identifier: Apache-2.0
"""What people who run the deployment have: its files, its guide, and a terminal."""

from collections.abc import Iterator

import pytest

from mlflow_conformance import assets, guides
from mlflow_conformance.errors import Undecided
from mlflow_conformance.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.run import Run
from mlflow_conformance.target.base import Target
from mlflow_conformance.terminal import Terminal, terminal


@pytest.fixture(scope="session")
def deployment(conformance_run: Run) -> HelmDeployment | KustomizeDeployment:
    """How the profile's deployment is made."""
    found = conformance_run.loaded.profile.deployment
    if found is None:
        raise Undecided("the profile does not say how its deployment is made")
    return found


@pytest.fixture(scope="session")
def guide(deployment: HelmDeployment | KustomizeDeployment, target: Target) -> guides.Guide:
    """The commands of the deployment's guide."""
    return guides.guide_of(deployment, target.names.namespace, target.root)


@pytest.fixture(scope="session")
def prompt(deployment: HelmDeployment | KustomizeDeployment, target: Target) -> Iterator[Terminal]:
    """A terminal whose kubectl and helm find the cluster under test."""
    needed = ["kubectl", "helm"] if isinstance(deployment, HelmDeployment) else ["kubectl"]
    folder = guides.folder_of(deployment)
    with terminal(target.need_kube(), assets.root(), needed) as found:
        yield found.with_variables(CHART=str(folder), KUSTOMIZATION=str(folder))
