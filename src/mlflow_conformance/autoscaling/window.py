# SPDX-License-Identifier: Apache-2.0
"""One window of load that checks of the autoscaler share: from rest, up, and down again.

The load comes from pods in the cluster, through the Service. It surges until new replicas have
served, and then goes on quietly while the replicas that are no longer needed leave.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pydantic import Field

from mlflow_conformance.autoscaling.pods import running_in_pods
from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Hopeless, TimedOut, Waiter
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.load import seeding, workload
from mlflow_conformance.load.analysis import SendingLimits, analyse
from mlflow_conformance.load.arrivals import Step
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed
from mlflow_conformance.target.watch import (
    Look,
    Watch,
    changes,
    first,
    longest_gap_s,
    look,
    obstacle,
    watching,
)

_HASTE = ObjectChange(
    kind="hpa",
    name="{hpa}",
    patch_type="merge",
    patch={
        "spec": {
            "behavior": {
                "scaleDown": {
                    "stabilizationWindowSeconds": 0,
                    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
                }
            }
        }
    },
)
BLIND_S = 10.0
"""A watch with a longer gap than this may have missed what it was to see."""


class Surge(Strict):
    """Load that makes the autoscaler act, as a profile's row writes it down."""

    workload: str
    rate: float = Field(gt=0, description="arrivals a second while it surges")
    for_s: float = Field(gt=0)
    quiet_rate: float = Field(gt=0, description="arrivals a second after it")
    quiet_s: float = Field(gt=0)
    workers: int = Field(ge=1, description="pods that send")
    achieved: float = Field(gt=0, le=1, description="least share of it that must have been sent")
    lateness_p99_s: float = Field(gt=0, description="most that it may have been sent late")

    @property
    def steps(self) -> list[Step]:
        """The surge, and the quiet after it."""
        return [
            Step(rate=self.rate, duration_s=self.for_s),
            Step(rate=self.quiet_rate, duration_s=self.quiet_s),
        ]

    @property
    def limits(self) -> SendingLimits:
        """What the senders must have kept. The load is to be there; its timing is not judged."""
        return SendingLimits(self.achieved, self.lateness_p99_s)


@dataclass
class Window:
    """What was seen.

    Attributes:
        obstacle: why no load was sent: the autoscaler could not have answered it.
        recorded: every request; None when none was sent.
        start: of the load, seconds since the epoch.
        watched_until: when the watch ended, likewise.
    """

    surge: Surge
    watch: Watch = field(default_factory=Watch)
    obstacle: str | None = None
    recorded: RunRecord | None = None
    start: float = 0.0
    watched_until: float = 0.0

    @property
    def looks(self) -> Sequence[Look]:
        """Looks from the start of the load; the first one shows the replicas before it."""
        before = [s for s in self.watch.looks if s.at <= self.start]
        return [*before[-1:], *(s for s in self.watch.looks if s.at > self.start)]

    def since_start(self, at: float | None) -> float | None:
        """Seconds from the start of the load."""
        return None if at is None else round(at - self.start, 1)

    def part(self, since_s: float, until_s: float) -> LoadResult:
        """The load from one second of the run to another.

        Raises:
            Undecided: no load was sent.
        """
        if self.recorded is None:
            raise Undecided(f"no load was sent: {self.obstacle}")
        return analyse(self.recorded.window(since_s, until_s), self.surge.limits)

    @property
    def surging(self) -> LoadResult:
        """The load while it surged."""
        return self.part(0, self.surge.for_s)

    @property
    def end(self) -> float:
        """Of the load, seconds since the epoch."""
        return self.start + self.surge.for_s + self.surge.quiet_s

    def require_sight(self) -> None:
        """Make sure that the watch saw the replicas until the load was over.

        Raises:
            Undecided: it was blind for too long.
        """
        until = max(self.end, self.watched_until)
        self._require((s.at for s in self.watch.looks), until, "looked at the replicas")

    def require_counts(self) -> None:
        """Make sure that PostgreSQL's connections were counted until the load was over.

        Moments at which it admitted no more are no gap: they are seen.

        Raises:
            Undecided: they were not for too long.
        """
        if not self.watch.refused:
            counted = (at for at, _ in self.watch.connections)
            self._require(counted, self.end, "counted PostgreSQL's connections")

    def _require(self, moments: Iterable[float], until: float, what: str) -> None:
        gap = longest_gap_s(moments, self.start, until)
        if gap > BLIND_S:
            why = "; ".join(self.watch.unseen[-2:])
            raise Undecided(f"for {gap:.0f} s nobody {what} ({why})")


@contextmanager
def hurried(target: Target, waiter: Waiter) -> Iterator[None]:
    """The autoscaler takes away at once what is not needed; afterwards it is as it was.

    Raises:
        Unusable: it could not be changed, or not put back.
    """
    with changed(target, [_HASTE], waiter):
        yield


def bring_to_rest(target: Target, waiter: Waiter) -> str | None:
    """Wait until the autoscaler measures, and the deployment has its minimum of replicas.

    Load of checks before this one may have left it above that. Returns why the autoscaler cannot
    act, or None.

    Raises:
        Undecided: it does not come to rest, and nothing shows that this is its fault.
    """
    kube, names = target.need_kube(), target.names.mlflow
    hopeless = _lasting(names.deployment)
    with ExitStack() as stack:
        now = look(kube, names)
        if why := hopeless(now):
            return why
        if not _rests(now):
            stack.enter_context(hurried(target, waiter))
        try:
            waiter.until(
                "at rest: the autoscaler",
                lambda: look(kube, names),
                done=_rests,
                hopeless=hopeless,
                timeout="autoscaler at rest",
                interval_s=1,
            )
        except Hopeless as problem:
            return str(problem)
        except TimedOut as late:
            if why := obstacle([cast(Look, late.last)], names.deployment):
                return why
            raise Undecided(str(late)) from late
    return None


def surged(
    target: Target,
    run: Run,
    surge: Surge,
    folder: Path,
    garbage: list[str],
    *,
    after_surge: Callable[[Watch], None],
) -> Window:
    """Bring the deployment to rest, load it, and watch.

    Args:
        folder: gets the records; it must exist.
        garbage: gets the experiment that was loaded, to be removed for good.
        after_surge: called with the watch when the surge is over and the quiet begins; returns
            when what it waits for has come.

    Raises:
        Undecided: the deployment did not come to rest, or the load did not begin.
        KubectlFailed: the pods that send it could not be made.
    """
    window = Window(surge)
    with run.phase("autoscaler at rest"):
        window.obstacle = bring_to_rest(target, run.waiter)
    if window.obstacle:
        return window
    api = target.api()
    with run.phase("objects for the load"):
        world = seeding.make(api, f"surge-{run.run_id}-{folder.name}")
    garbage.append(world.experiment_id)
    try:
        plan = LoadPlan(
            url=target.service_url,
            workload=workload.load(surge.workload),
            steps=surge.steps,
            seed=run.seed,
            workers=surge.workers,
            world=world,
            headers=dict(target.inside_headers),
        )
        kube, names = target.need_kube(), target.names.runner
        with (
            run.phase("load from pods") as note,
            running_in_pods(plan, folder, kube, names, run.waiter) as load,
            watching(target) as window.watch,
        ):
            window.start = load.started(run.waiter).timestamp()
            _until_quiet(window, run.waiter)
            after_surge(window.watch)
            window.recorded = load.wait()
            window.watched_until = time.time()
            note.detail = f"{len(window.recorded.records)} requests"
    finally:
        with run.phase("objects removed") as note:
            note.detail = seeding.remove(api, world)
    return window


def _until_quiet(window: Window, waiter: Waiter) -> None:
    quiet = window.start + window.surge.for_s
    waiter.until(
        "over: the surge",
        lambda: window.watch.looks[-1:],
        done=lambda seen: bool(seen) and seen[0].at >= quiet,
        timeout="surge",
        interval_s=0.5,
    )


def fall_in_haste(target: Target, waiter: Waiter, watch: Watch) -> None:
    """Let the autoscaler take away at once what the quiet does not need, and wait until it went.

    Its stabilization window is another promise; what leaving costs those who send does not depend
    on how long it waits. Where nothing leaves in time, the watch shows so.
    """
    if watch.looks[-1].wanted <= watch.looks[0].wanted:
        return
    begun = time.time()

    def gone() -> bool:
        now = watch.looks[-1]
        leaving = first(
            [s for s in watch.looks if s.at >= begun], lambda s: any(p.terminating for p in s.pods)
        )
        return leaving is not None and len(now.pods) == now.wanted == now.ready

    with hurried(target, waiter):
        try:
            waiter.until(
                "gone: replicas that are not needed any more",
                gone,
                done=bool,
                timeout="autoscaler at rest",
            )
        except TimedOut:
            return


def wait_until_back(waiter: Waiter, watch: Watch) -> None:
    """Wait until there are as many replicas as before; where that does not come, it is seen so."""
    before = watch.looks[0].wanted
    if all(s.wanted == before for s in watch.looks):
        return

    def back() -> bool:
        now = watch.looks[-1]
        return now.wanted == before == now.ready

    try:
        waiter.until(
            f"back: {before} replicas", back, done=bool, timeout="autoscaler back", interval_s=1
        )
    except TimedOut:
        return


def last_rise(looks: Sequence[Look]) -> float | None:
    """When replicas were last added, seconds since the epoch."""
    return max((at for at, before, after in changes(looks) if after > before), default=None)


def first_fall(looks: Sequence[Look]) -> float | None:
    """When replicas were first taken away, seconds since the epoch."""
    return next((at for at, before, after in changes(looks) if after < before), None)


def _rests(seen: Look) -> bool:
    scaler = seen.scaler
    return (
        scaler is not None
        and scaler.measures
        and seen.wanted == scaler.minimum == seen.ready == len(seen.pods)
        and all(scaler.current[name] < goal for name, goal in scaler.goals.items())
    )


def _lasting(deployment: str) -> Callable[[Look], str | None]:
    """What no waiting mends, unlike measurements that are not there yet."""

    def reason(seen: Look) -> str | None:
        scaler = seen.scaler
        why = obstacle([seen], deployment)
        if scaler is None or scaler.target != f"Deployment/{deployment}":
            return why
        if scaler.minimum >= scaler.maximum:
            return f"pinned: minimum and maximum are {scaler.minimum} and {scaler.maximum} replicas"
        missing = "missing request" in scaler.reasons.get("ScalingActive", "")
        return why if missing else None

    return reason
