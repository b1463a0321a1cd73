# SPDX-License-Identifier: Apache-2.0
"""The objects that a profile deploys, rendered with no cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlflow_conformance.config.assets import root
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment, Profile
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import images
from mlflow_conformance.stand.deploy.helm import Helm, Release
from mlflow_conformance.stand.deploy.kustomize import Kustomize
from mlflow_conformance.stand.deploy.rendered import NotSound, objects
from mlflow_conformance.stand.deploy.schemas import kubernetes_version

NAMESPACE = "namespace.yaml"
"""Beside a chart: what is applied before the release, for helm does not own the namespace."""


def rendered(profile: Profile, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Everything that is applied for a profile; helm or kubectl is built if it is not there yet.

    Raises:
        Unusable: the profile deploys nothing, or it cannot be rendered.
    """
    match profile.deployment:
        case HelmDeployment() as deployment:
            helm = Helm(images.build_tools(tell, "go.helm").helm)
            chart, values = root() / deployment.chart, [root() / v for v in deployment.values]
            release = Release(deployment.release, profile.names.namespace, chart, tuple(values))
            found = helm.template(release, kube_version=kubernetes_version())
            return [*_objects(chart.parent / NAMESPACE), *found]
        case KustomizeDeployment() as deployment:
            kustomize = Kustomize(images.build_tools(tell, "go.kube").kubectl)
            return kustomize.render(root() / deployment.path)
        case None:
            raise Unusable(
                f"The profile {profile.name} names no deployment to render",
                remedy="Add `deployment`, or name another profile",
            )


def _objects(path: Path) -> list[dict[str, Any]]:
    try:
        return objects(path.read_text(encoding="utf-8"))
    except (OSError, NotSound) as problem:
        raise Unusable(f"{path} cannot be read: {problem}", remedy="Correct it") from problem
