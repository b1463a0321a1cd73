# SPDX-License-Identifier: Apache-2.0
"""Stands a deployment up on a kind cluster of our own: host, images, cluster, release."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.config.assets import asset
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment, Profile
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.stand import host, images, kind
from mlflow_conformance.stand.claim import Claim, claim, recorded
from mlflow_conformance.stand.deploy.helm import Helm, Release
from mlflow_conformance.stand.deploy.kustomize import Kustomize
from mlflow_conformance.stand.kind_cluster import KindCluster
from mlflow_conformance.stand.machine import Host
from mlflow_conformance.target.attached import open_target
from mlflow_conformance.target.base import Target

_CLEAN = "clean"
"""Marks a cluster that a finished run left with --keep, and names the profile that is deployed
there. A run takes the mark away while it works, so a cluster without it may hold whatever a killed
run had broken on purpose."""


def prepare_host(tell: Callable[[str], None], *, cluster_up: bool = False) -> None:
    """Install or set what is missing on this machine.

    Args:
        cluster_up: the cluster is up, so its memory is in use already.

    Raises:
        Unusable: it cannot be mended from here; the exact commands are named.
    """
    host.prepare(Host.this(cluster_up=cluster_up), tell)


@dataclass(frozen=True)
class StandOptions:
    """What a run leaves up, and what it trusts of the run before.

    Attributes:
        keep: cluster and deployment stay up afterwards.
        reuse: what a run left up is used again.
        prepared: and neither host, images, cluster nor deployment are looked at.
    """

    keep: bool
    reuse: bool
    prepared: bool


@contextmanager
def standing(options: StandOptions, run: Run) -> Iterator[Target]:
    """The deployment that the profile names, on a cluster of our own.

    Raises:
        Unusable: the host, the images, the cluster or the deployment cannot be had.
    """
    profile = run.loaded.profile
    if profile.deployment is None:
        raise Unusable(
            f"The profile {profile.name} names no deployment to make",
            remedy="Attach to an existing one with --context, or add `deployment`",
        )
    built = None if options.prepared else _built(run, reuse=options.reuse)
    with claim() as held:
        mark = held.folder / _CLEAN
        # A mark without a running cluster is all that a restart of the machine leaves.
        deployed = mark.read_text() if mark.exists() and kind.running(held.name) else None
        if deployed and not options.reuse:
            raise Unusable(
                f"The cluster {held.name} is still up from a run with --keep",
                remedy="Add --reuse, or remove it with `mlflow-conformance down`",
            )
        try:
            if built is None:
                cluster = _as_it_was_left(held, profile, deployed)
                mark.unlink()
            else:
                cluster = _made(held, profile, built, run, reuse=options.reuse)
                mark.unlink(missing_ok=True)
            kube = Kube(
                cluster.kubeconfig,
                f"kind-{cluster.name}",
                profile.names.namespace,
                kubectl=str(cluster.tools.kubectl),
                helm=str(cluster.tools.helm),
            )
            if built is not None:
                afresh = cluster.reused and deployed != profile.name
                with run.phase("deployment"):
                    deploy(profile, kube, built.tools, run, afresh=afresh)
            with open_target(
                kube,
                profile.names,
                kind="kind",
                disruption_allowed=True,
                keep_runner=options.keep,
                waiter=run.waiter,
                log=run.log,
            ) as target:
                yield target
            if options.keep:
                mark.write_text(profile.name)
        finally:
            if not options.keep:
                with run.phase("teardown"):
                    kind.down(held)


def _built(run: Run, *, reuse: bool) -> images.Built:
    """The images, on a host that is fit for them."""
    with run.phase("host check"):
        prepare_host(tell, cluster_up=reuse and recorded())
    with run.phase("images") as note:
        built = images.build_all(tell)
        note.outcome = "reused" if all(s.cached for s in built.steps) else "done"
    return built


def _as_it_was_left(held: Claim, profile: Profile, deployed: str | None) -> KindCluster:
    """The cluster of the run before, which a prepared run only looks at."""
    if deployed != profile.name:
        raise Unusable(
            f"The cluster {held.name} is not as the run before was to leave it",
            remedy="Leave --prepared out",
        )
    return kind.found(held, kind.Options(front_port=_port(profile)))


def _made(
    held: Claim, profile: Profile, built: images.Built, run: Run, *, reuse: bool
) -> KindCluster:
    """A cluster that is well: a new one, or with `reuse` the one that is there."""
    with run.phase("cluster") as note:
        if not reuse:
            kind.down(held)
        cluster = kind.up(held, kind.Options(front_port=_port(profile)), built, tell)
        note.outcome = "reused" if cluster.reused else "done"
    return cluster


def deploy(profile: Profile, kube: Kube, tools: images.Tools, run: Run, *, afresh: bool) -> None:
    """Install what the profile names, or bring it up to date, and wait until it is ready.

    Args:
        afresh: remove what is there first.

    Raises:
        Unusable: it was refused, or not ready in time.
    """
    if afresh:
        removed(kube, "namespace", kube.namespace, run.waiter, timeout="namespace gone")
    seconds = run.waiter.seconds("deployment ready")
    match profile.deployment:
        case HelmDeployment() as deployment:
            chart = asset(deployment.chart)
            kube.run("apply", "--filename", str(chart.parent / "namespace.yaml"))
            values = tuple(_values(path) for path in deployment.values)
            release = Release(deployment.release, kube.namespace, chart, values)
            Helm(tools.helm, kube.kubeconfig, kube.context).install(release, seconds=seconds)
        case KustomizeDeployment() as deployment:
            kustomize = Kustomize(tools.kubectl, kube.kubeconfig, kube.context)
            kustomize.apply(asset(deployment.path), seconds=seconds)


def take_down(*, purge: bool = False) -> None:
    """Remove the cluster and all that belongs to it; with `purge` also what was built.

    Raises:
        Unusable: a run is using it.
    """
    with claim() as held:
        kind.down(held, purge=purge)


def _values(path: str) -> Path:
    return Path(path) if Path(path).is_absolute() else asset(path)


def _port(profile: Profile) -> int:
    front = urlsplit(profile.names.front.url) if profile.names.front else None
    return (front.port if front else None) or kind.Options().front_port
