# SPDX-License-Identifier: Apache-2.0
"""Stands a deployment up on a kind cluster of our own: host, images, cluster, release."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.config.profile import Profile
from mlflow_conformance.core import shell
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.stand import host, images, kind
from mlflow_conformance.stand.claim import Claim, claim, recorded
from mlflow_conformance.stand.dump import bring
from mlflow_conformance.stand.kind_cluster import KindCluster
from mlflow_conformance.stand.machine import Host
from mlflow_conformance.stand.node_images import provide
from mlflow_conformance.stand.revision import Upgrading, Way, deployment_at, images_in
from mlflow_conformance.stand.versions import image_of
from mlflow_conformance.target.attached import open_target
from mlflow_conformance.target.base import Target

_CLEAN = "clean"
"""Marks a cluster that a finished run left with --keep, and names the profile that is deployed
there, and the upgrade if there was one. A run takes the mark away while it works, so a cluster
without it may hold whatever a killed run had broken on purpose."""


@contextmanager
def _told() -> Iterator[None]:
    """What the container engine or another program refuses is told in its own words.

    Raises:
        Unusable: one failed.
    """
    try:
        yield
    except shell.CommandFailed as problem:
        raise Unusable(
            f"A program failed that the cluster needs: {' '.join(str(problem).split())}",
            remedy="Mend what it says; `mlflow-conformance host` looks at the machine",
        ) from problem


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
        upgrade: the run is a part of one, so that what is before it is deployed.
    """

    keep: bool
    reuse: bool
    prepared: bool
    upgrade: Upgrading | None = None


@dataclass(frozen=True)
class Stand:
    """A cluster of our own for as long as a run holds it, with the profile's deployment on it."""

    options: StandOptions
    run: Run
    kube: Kube
    cluster: KindCluster

    def deploy(self, *, afresh: bool) -> None:
        """Bring the deployment up to date.

        Args:
            afresh: remove what is there first.

        Raises:
            Unusable: it was refused, or not ready in time.
        """
        profile, upgrade = self.run.loaded.profile, self.options.upgrade
        with (
            _way(profile, upgrade, self.kube, self.cluster, self.run) as way,
            self.run.phase("deployment"),
        ):
            deploy(way, self.kube, self.run, afresh=afresh)
        if upgrade and upgrade.data is not None:
            with self.run.phase("data of a dump"):
                bring(self.kube, profile.names.mlflow, upgrade.data)

    def renew(self) -> None:
        """Remove the deployment, and make it again.

        Raises:
            Unusable: it was refused, or not ready in time.
        """
        self.deploy(afresh=True)

    def opened(self) -> AbstractContextManager[Target]:
        """The deployment with all its doors open.

        Raises:
            Unusable: the namespace or the runner cannot be used.
        """
        return open_target(
            self.kube,
            self.run.loaded.profile.names,
            kind="kind",
            disruption_allowed=True,
            own=True,
            keep_runner=self.options.keep,
            waiter=self.run.waiter,
            log=self.run.log,
            run_id=self.run.run_id,
        )


@contextmanager
def standing(options: StandOptions, run: Run) -> Iterator[Stand]:
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
    leaves = _mark(profile, options.upgrade)
    with claim() as held:
        mark = held.folder / _CLEAN
        deployed = _left_up(held, reuse=options.reuse)
        try:
            if built is None:
                cluster = _as_it_was_left(held, profile, deployed, leaves)
                mark.unlink()
            else:
                cluster = _made(held, profile, built, run, reuse=options.reuse)
                mark.unlink(missing_ok=True)
            stand = Stand(options, run, _kube(cluster, profile), cluster)
            if built is not None:
                afresh = cluster.reused and (options.upgrade is not None or deployed != leaves)
                stand.deploy(afresh=afresh)
            yield stand
            if options.keep:
                mark.write_text(leaves)
        finally:
            if not options.keep:
                with run.phase("teardown"), _told():
                    kind.down(held)


def _kube(cluster: KindCluster, profile: Profile) -> Kube:
    return Kube(
        cluster.kubeconfig,
        f"kind-{cluster.name}",
        profile.names.namespace,
        kubectl=str(cluster.tools.kubectl),
        helm=str(cluster.tools.helm),
    )


def refuse_left_up() -> None:
    """Make sure that no run with --keep has left its cluster up.

    Raises:
        Unusable: one has, or a run is using it.
    """
    with claim() as held:
        _left_up(held, reuse=False)


@_told()
def _left_up(held: Claim, *, reuse: bool) -> str | None:
    """What is deployed on the cluster that a finished run left up; None when there is none."""
    mark = held.folder / _CLEAN
    # A mark without a running cluster is all that a restart of the machine leaves.
    if not (mark.exists() and kind.running(held.name)):
        return None
    if not reuse:
        raise Unusable(
            f"The cluster {held.name} is still up from a run with --keep",
            remedy="Add --reuse, or remove it with `mlflow-conformance down`",
        )
    return mark.read_text()


def _built(run: Run, *, reuse: bool) -> images.Built:
    """The images, on a host that is fit for them."""
    with run.phase("host check"):
        prepare_host(tell, cluster_up=reuse and recorded())
    with run.phase("images") as note:
        built = images.build_all(tell)
        note.outcome = "reused" if all(s.cached for s in built.steps) else "done"
    return built


def _mark(profile: Profile, upgrade: Upgrading | None) -> str:
    """What is deployed after a run: after an upgrade, neither the profile nor known exactly."""
    if upgrade is None:
        return profile.name
    return f"{profile.name} from {upgrade.a.spelled} to {upgrade.b.spelled}"


@_told()
def _as_it_was_left(
    held: Claim, profile: Profile, deployed: str | None, leaves: str
) -> KindCluster:
    """The cluster of the run before, which a prepared run only looks at."""
    if deployed != leaves:
        raise Unusable(
            f"The cluster {held.name} is not as the run before was to leave it",
            remedy="Leave --prepared out",
        )
    return kind.found(held, kind.Options(front_port=_port(profile)))


@_told()
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


@contextmanager
def _way(
    profile: Profile, upgrade: Upgrading | None, kube: Kube, cluster: KindCluster, run: Run
) -> Iterator[Way]:
    """What is to be deployed; of an upgrade the images of both sides are brought onto the nodes."""
    if upgrade is None:
        yield deployment_at(profile, None, run.folder.path, kube=kube)
        return
    with TemporaryDirectory(prefix="mlflow-conformance-") as made:
        before, after = (
            deployment_at(profile, side, Path(made) / name, kube=kube)
            for name, side in (("a", upgrade.a), ("b", upgrade.b))
        )
        with run.phase("images of the upgrade"):
            clients = {image_of(version) for version in profile.upgrade.clients}
            sides = {*images_in(before.objects()), *images_in(after.objects())}
            provide(cluster.nodes, sides | clients, tell)
        yield before


def deploy(way: Way, kube: Kube, run: Run, *, afresh: bool) -> None:
    """Install a deployment, or bring it up to date, and wait until it is ready.

    Args:
        afresh: remove what is there first.

    Raises:
        Unusable: it was refused, or not ready in time.
    """
    if afresh:
        removed(kube, "namespace", kube.namespace, run.waiter, timeout="namespace gone")
    way.install(run.waiter.seconds("deployment ready"))


@contextmanager
def kept(profile: Profile) -> Iterator[Kube]:
    """The cluster that a run left up with this profile's deployment, to ask it something.

    Raises:
        Unusable: there is none, it holds another deployment, or another run is using it.
    """
    with claim() as held:
        mark = held.folder / _CLEAN
        cluster = _as_it_was_left(
            held, profile, mark.read_text() if mark.exists() else None, _mark(profile, None)
        )
        yield _kube(cluster, profile)


@_told()
def take_down(*, purge: bool = False) -> None:
    """Remove the cluster and all that belongs to it; with `purge` also what was built.

    Raises:
        Unusable: a run is using it, or the container engine refused or is none.
    """
    engines.chosen()
    with claim() as held:
        kind.down(held, purge=purge)


def _port(profile: Profile) -> int:
    front = urlsplit(profile.names.front.url) if profile.names.front else None
    return (front.port if front else None) or kind.Options().front_port
