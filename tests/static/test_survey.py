# SPDX-License-Identifier: Apache-2.0
"""What `init` finds in the chart is what the chart's own profile says of it."""

from pathlib import Path
from typing import Any

import pytest

import shipped
from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.config.names import Names
from mlflow_conformance.config.placeholders import filled, placeholders
from mlflow_conformance.config.profile import Profile
from mlflow_conformance.stand.deploy.helm import Helm, Release
from mlflow_conformance.stand.deploy.schemas import kubernetes_version
from mlflow_conformance.survey.found import Survey
from mlflow_conformance.survey.looking import look


@pytest.fixture(scope="module")
def profile() -> Profile:
    """The profile that comes with the chart."""
    return shipped.profile("k3d")


@pytest.fixture(scope="module")
def survey(helm: Helm, chart: Path) -> Survey:
    """What is found in what the chart renders for kind."""
    release = Release("mlflow", "mlflow", chart, (chart / "values-kind.yaml",))
    objects = helm.template(release, kube_version=kubernetes_version())
    return look(Bundle("mlflow", objects))[0]


def test_every_name_is_found(survey: Survey, profile: Profile) -> None:
    own = profile.names
    found = Names.model_validate(survey.names)
    for part in ("mlflow", "postgresql", "s3", "auditor"):
        assert getattr(found, part) == getattr(own, part)
    assert found.runner.labels == own.runner.labels
    assert found.backup == own.backup
    assert found.front
    assert own.front
    assert found.front.ca_secret == own.front.ca_secret


def test_who_may_connect_is_told_by_the_policies(survey: Survey, profile: Profile) -> None:
    def kinds(sources: Any, names: Names) -> set[str]:
        known = filled(sources, placeholders(names)).values()
        return {repr(sorted(s.items())) for s in known if s["reaches"]}

    found = kinds(survey.rows["NET-1"]["sources"], Names.model_validate(survey.names))
    assert found == kinds(profile.checks["NET-1"].thresholds["sources"], profile.names)
