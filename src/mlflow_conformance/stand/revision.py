# SPDX-License-Identifier: Apache-2.0
"""Revisions of a deployment, and its own way from one to another."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config import assets
from mlflow_conformance.config.manners import Manner
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment, Profile
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.deploy import trees
from mlflow_conformance.stand.deploy.helm import Helm, Release
from mlflow_conformance.stand.deploy.kustomize import Kustomize
from mlflow_conformance.stand.deploy.manifests import NAMESPACE
from mlflow_conformance.stand.deploy.schemas import kubernetes_version
from mlflow_conformance.stand.versions import MlflowVersion

Kind = Literal["version", "values", "ref"]

_KINDS: tuple[Kind, ...] = ("values", "ref")


@dataclass(frozen=True)
class Revision:
    """A deployment at one time.

    Attributes:
        kind: what tells it from others: MLflow's version, a values file of its chart, or a commit,
            branch or tag of the git checkout that it is made from.
        value: the version, the file's path, or the ref.
    """

    kind: Kind
    value: str

    @classmethod
    def read(cls, text: str) -> Self:
        """The revision that is `spelled` so.

        Raises:
            Unusable: it is none.
        """
        kind, colon, value = text.partition(":")
        if colon and kind in _KINDS and value:
            return cls("values" if kind == "values" else "ref", value)
        return cls("version", str(MlflowVersion.parse(text)))

    @property
    def spelled(self) -> str:
        """As options and reports have it: ``3.16.1``, ``values:FILE``, ``ref:REF``."""
        return self.value if self.kind == "version" else f"{self.kind}:{self.value}"


@dataclass(frozen=True)
class Upgrading:
    """An upgrade that a run is a part of.

    Attributes:
        a, b: what is deployed before and after.
        folder: where its stages keep what the next ones read; None for the run's own.
        runs: how many runs are made on A before it; None for as many as the profile says.
        data: a dump of somebody's own database, which A then has; None for none.
        manner: what is done about requests meanwhile.
    """

    a: Revision
    b: Revision
    folder: Path | None = None
    runs: int | None = None
    data: Path | None = None
    manner: Manner = "rolling"

    def folder_in(self, run: Path) -> Path:
        """The folder that its stages share, given a run's own."""
        return self.folder or run / "upgrade"


class Way(Protocol):
    """A deployment at one revision, and how it gets there."""

    def objects(self) -> list[dict[str, Any]]:
        """Everything that it is made of, rendered with no cluster."""

    def install(self, seconds: float) -> None:
        """Make it where nothing is, and wait until it is ready."""

    def apply(self, seconds: float) -> None:
        """Bring what is deployed to this revision as its guide does, and wait until it is ready."""

    def rollback(self, seconds: float) -> None:
        """Return to this revision, which was deployed before, and wait until it is ready."""

    def options(self) -> str:
        """What tells this revision from others, as a documented line takes it; may be empty."""


@dataclass(frozen=True)
class HelmWay:
    """A release of a chart.

    Attributes:
        whole: the release with all values, as it is installed.
        change: with those that tell this revision from the one before.
    """

    whole: Release
    change: Release
    helm: Helm
    kube: Kube

    def objects(self) -> list[dict[str, Any]]:
        """As `Way.objects`."""
        return self.helm.template(self.whole, kube_version=kubernetes_version())

    def install(self, seconds: float) -> None:
        """As `Way.install`; the namespace is the one beside the chart."""
        self.kube.run("apply", "--filename", str(self.whole.chart.parent / NAMESPACE))
        self.helm.install(self.whole, seconds=seconds)

    def apply(self, seconds: float) -> None:
        """As `Way.apply`: ``helm upgrade --reuse-values``."""
        self.helm.upgrade(self.change, seconds=seconds)

    def rollback(self, seconds: float) -> None:
        """As `Way.rollback`: ``helm rollback`` to the revision before the release's last one."""
        self.helm.rollback(self.whole.name, self.whole.namespace, seconds=seconds)

    def options(self) -> str:
        """As `Way.options`."""
        return shlex.join(self.change.arguments())


@dataclass(frozen=True)
class KustomizeWay:
    """A kustomization; what was deployed before makes no difference to it."""

    path: Path
    kustomize: Kustomize

    def objects(self) -> list[dict[str, Any]]:
        """As `Way.objects`."""
        return self.kustomize.render(self.path)

    def install(self, seconds: float) -> None:
        """As `Way.install`."""
        self.kustomize.apply(self.path, seconds=seconds)

    apply = rollback = install

    def options(self) -> str:
        """As `Way.options`: the folder that is applied tells it."""
        return ""


def deployment_at(
    profile: Profile,
    revision: Revision | None,
    folder: Path,
    *,
    kube: Kube,
    root: Path | None = None,
) -> Way:
    """A profile's deployment at a revision.

    Args:
        revision: None for the files as they are.
        folder: where copies of files go that differ; what is there is replaced.
        kube: the cluster; with its programs.
        root: what relative paths of the profile are below; the suite's own assets by default.

    Raises:
        Unusable: the deployment cannot be had at that revision.
    """
    root = root or assets.root()
    match profile.deployment:
        case HelmDeployment() as deployment:
            return _helm(deployment, revision, folder, kube, root)
        case KustomizeDeployment() as deployment:
            return _kustomize(profile, deployment, revision, folder, kube, root)
        case None:
            raise Unusable(
                f"The profile {profile.name} names no deployment to make",
                remedy="Attach to an existing one with --context, or add `deployment`",
            )


def image_name(objects: list[dict[str, Any]], profile: Profile) -> str:
    """The image of MLflow's server among rendered objects, with its tag.

    Raises:
        Unusable: there is no such Deployment or container.
    """
    names = profile.names.mlflow
    for thing in objects:
        if thing["kind"] == "Deployment" and thing["metadata"]["name"] == names.deployment:
            for container in thing["spec"]["template"]["spec"]["containers"]:
                if container["name"] == names.container:
                    return str(container["image"])
    raise Unusable(
        f"The deployment has no Deployment {names.deployment} with a container {names.container}",
        remedy="Correct names.mlflow of the profile",
    )


def images_in(objects: list[dict[str, Any]]) -> list[str]:
    """The image of every container among rendered objects."""
    return sorted({image for thing in objects for image in _images(thing)})


def _images(thing: object) -> Iterator[str]:
    match thing:
        case dict():
            for key, value in thing.items():
                if key in ("containers", "initContainers") and isinstance(value, list):
                    yield from (str(c["image"]) for c in value if "image" in c)
                yield from _images(value)
        case list():
            for value in thing:
                yield from _images(value)


def _helm(
    deployment: HelmDeployment, revision: Revision | None, folder: Path, kube: Kube, root: Path
) -> HelmWay:
    chart, values = root / deployment.chart, [root / path for path in deployment.values]
    changed: tuple[Path, ...] = ()
    settings: dict[str, str] = {}
    match revision:
        case Revision("version", value):
            settings = {deployment.version: value}
        case Revision("values", value):
            changed = (_existing(Path(value)),)
        case Revision("ref", value):
            checkout = trees.at_ref(chart, value, folder)
            chart, values = checkout.of(chart), [checkout.of(path) for path in values]
    name, namespace = deployment.release, kube.namespace
    return HelmWay(
        Release(name, namespace, chart, (*values, *changed), settings),
        Release(name, namespace, chart, changed, settings),
        Helm(Path(kube.helm), kube.kubeconfig, kube.context),
        kube,
    )


def _kustomize(
    profile: Profile,
    deployment: KustomizeDeployment,
    revision: Revision | None,
    folder: Path,
    kube: Kube,
    root: Path,
) -> KustomizeWay:
    path = root / deployment.path
    kustomize = Kustomize(Path(kube.kubectl), kube.kubeconfig, kube.context)
    match revision:
        case Revision("version", value):
            image = image_name(kustomize.render(path), profile)
            path = trees.copied(path, folder)
            trees.set_tag(path, image.rpartition(":")[0], value)
        case Revision("values", _):
            raise Unusable(
                f"The profile {profile.name} deploys a kustomization, which has no values file",
                remedy="Use --from and --to, or --from-ref and --to-ref",
            )
        case Revision("ref", value):
            path = trees.at_ref(path, value, folder).of(path)
    return KustomizeWay(path, kustomize)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise Unusable(f"There is no values file {path}", remedy="Correct its path")
    return path.resolve()
