# SPDX-License-Identifier: Apache-2.0
"""One load through the front door of a target, and what was seen of it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Self

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.latency.restarts import Restarts, ended, restarts
from mlflow_conformance.latency.thresholds import OFFERED, Offer, Sent
from mlflow_conformance.load import engine, seeding, workload
from mlflow_conformance.load.analysis import SendingBounds, analyse
from mlflow_conformance.load.arrivals import RateStep
from mlflow_conformance.load.document import Series
from mlflow_conformance.load.machine import OthersCpu
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.target.base import HttpDoor, Target
from mlflow_conformance.target.machine import cluster_cpu
from mlflow_conformance.target.watch import Watch, series, watching


@dataclass(frozen=True)
class LoadTarget:
    """Where the load goes, and what can be seen there meanwhile.

    Attributes:
        watch: looks at replicas and connections while the load goes on; None outside a cluster.
        cpu: reads the CPU time of a cluster that this machine carries as well; None for another.
        restarts: counts those of its containers; None outside a cluster.
    """

    door: HttpDoor
    watch: Callable[[], AbstractContextManager[Watch]] | None = None
    cpu: Callable[[], float] | None = None
    restarts: Callable[[], Restarts] | None = None

    @classmethod
    def of(cls, target: Target) -> Self:
        """The front door of a target.

        Raises:
            Undecided: it has none.
        """
        watch = partial(watching, target) if target.kube else None
        counted = partial(restarts, target) if target.kube else None
        return cls(target.need_front(), watch, cluster_cpu(target), counted)


@dataclass(frozen=True)
class Measured:
    """One load and what came of it.

    Attributes:
        others_cpu: the greatest share of this machine's CPU time that others than the load and the
            cluster took in `load.machine.SPAN_S` seconds; None where the cluster is elsewhere.
        ended: containers that were restarted meanwhile; None where nobody could look.
        unseen: why nobody could, in a cluster.
    """

    recorded: RunRecord
    result: LoadResult
    series: Sequence[Series] = ()
    others_cpu: float | None = None
    ended: Sequence[str] | None = None
    unseen: str = ""


def measure(run: Run, offer: Offer, to: LoadTarget, garbage: list[str] | None = None) -> Measured:
    """Send the load and look on; the records are kept in the run's folder.

    Args:
        garbage: gets the experiment that was loaded, for someone who can remove it for good.

    Raises:
        Undecided: the load did not begin.
        Unusable: the server does not take the objects that the workload needs.
    """
    folder = run.folder.path / "records"
    folder.mkdir(exist_ok=True)
    mixed = workload.load(offer.workload)
    api = to.door.api()
    world = World()
    if mixed.needs_world:
        with run.phase("objects for the load"):
            world = seeding.make(api, f"load-{run.run_id}")
    before, unseen = _counted(to)
    try:
        plan = LoadPlan(
            url=to.door.url,
            workload=mixed,
            steps=[RateStep(rate=offer.rate, duration_s=offer.duration_s)],
            seed=run.seed,
            workers=offer.workers,
            max_in_flight=offer.max_in_flight,
            world=world,
            ca_file=to.door.ca_file,
            client_file=to.door.client_file,
            headers=dict(to.door.headers),
        )
        with ExitStack() as stack:
            others = stack.enter_context(OthersCpu(to.cpu))
            note = stack.enter_context(run.phase("load"))
            watch = stack.enter_context(to.watch()) if to.watch else Watch()
            going = stack.enter_context(engine.running(plan, folder))
            recorded = going.wait()
            note.detail = f"{len(recorded.records)} of {len(recorded.planned_us)} requests"
        after, unseen_after = _counted(to)
    finally:
        if world.experiment_id:
            if garbage is not None:
                garbage.append(world.experiment_id)
            with run.phase("objects removed") as note:
                note.detail = seeding.remove(api, world)
    return Measured(
        recorded,
        analyse(recorded, _sending_bounds(run)),
        series(watch, recorded.start.timestamp()),
        others.most(),
        None if before is None or after is None else ended(before, after),
        unseen or unseen_after,
    )


def _counted(to: LoadTarget) -> tuple[Restarts | None, str]:
    """How often containers were restarted, and why that is not known where it should be."""
    try:
        return (to.restarts() if to.restarts else None), ""
    except KubeFailed as problem:
        return None, f"containers that ended under the load are not known: {problem}"


def _sending_bounds(run: Run) -> SendingBounds:
    """Those of the row LAT-3; without that row the sender must be as good as ours is."""
    if OFFERED not in run.loaded.profile.checks:
        return SendingBounds()
    return run.row(OFFERED, Sent).bounds
