# SPDX-License-Identifier: Apache-2.0
"""The stage on which scenarios are played one after the other: one load goes on over all of them.

Each check judges its own window of the one record. So a scenario costs no start of Locust and no
objects of its own, and the time line of the report shows all faults on one axis.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from mlflow_conformance.cluster import kept as objects
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.view import ClusterView, look
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.disruption import actions, backoff, toolkit
from mlflow_conformance.disruption.proofs import Played
from mlflow_conformance.disruption.scenario import Scenario
from mlflow_conformance.disruption.scene import (
    Scene,
    choose_node,
    choose_pod,
    container_of,
    disposable,
    pods_of,
    victim_of,
)
from mlflow_conformance.disruption.writers import KINDS, Writers
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.load import engine, seeding
from mlflow_conformance.load.analysis import analyse
from mlflow_conformance.load.arrivals import Step
from mlflow_conformance.load.document import Band, LoadDocument
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.load.workload import load as load_workload
from mlflow_conformance.report.disruptions import TIME_LINE_RECORD
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed

_WORKLOAD = "pulse"
_LONGEST_S = 3600.0
_EDGE_S = 2.0
"""Undisturbed load before the fault and after the recovery, within the window that is judged."""
_REPLY_S = 1.0


@dataclass(frozen=True)
class Needs:
    """What a window must hold before it is judged.

    Attributes:
        writes: acknowledged writes.
        before: of metrics (``add``) and artifacts (``put``), acknowledged before the fault: those
            that come after it can no longer be lost by it.
        requests: planned requests of the load.
        hold_s: how long a fault that must be ended is held, seconds.
    """

    writes: int
    before: Mapping[str, int]
    requests: int
    hold_s: float = 0


@dataclass(frozen=True)
class Disturbance:
    """One scenario as it was played, and what the load saw of it.

    Attributes:
        fault_s: when the fault began, seconds from the start of the window.
        fault_ns: the same on the monotonic clock, as in the ledger.
        over_ns: when the experiment was over, likewise.
        whole_s: from then until the deployment was whole again; None when it was not.
    """

    scenario: Scenario
    played: Played
    window: RunRecord
    result: LoadResult
    fault_s: float
    fault_ns: int
    over_ns: int
    whole_s: float | None


@dataclass
class Stage:
    """A healthy deployment under load, ready to be disturbed."""

    target: Target
    run: Run
    waiter: Waiter
    load: engine.Load
    started: datetime
    folder: Path
    experiment_id: str
    bands: list[Band] = field(default_factory=list)
    history: list[Disturbance] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        """Seconds from the start of the load."""
        return (datetime.now(UTC) - self.started).total_seconds()

    def renew(self, scenario: Scenario) -> list[str]:
        """Replace the pods whose restart the kubelet would delay; returns their names.

        Call it before anything is counted: it disturbs clients as the deletion of a pod does.

        Raises:
            Undecided: a pod did not come back.
            TimedOut: the deployment is not whole.
        """
        kube, names = self.target.need_kube(), self.target.names
        view = self._whole(kube)
        bare = _bare_scene(self.target, kube, self.waiter)
        replaced = []
        for pod in backoff.marked(names, scenario.spec, view, datetime.now(UTC)):
            since = self.now_s
            actions.renew(bare.model_copy(update={"pods": [victim_of(pod, "")]}))
            name = f"{pod.name} is replaced, because it was restarted a short time ago"
            self.bands.append(Band(name=name, start_s=since, end_s=self.now_s))
            replaced.append(pod.name)
        return replaced

    def play(
        self, scenario: Scenario, numbers: random.Random, writers: Writers, needs: Needs
    ) -> Disturbance:
        """Play a scenario to its end, and put back what it broke however it ends.

        Raises:
            Undecided: the deployment has nobody to hit.
            TimedOut: it is not whole, or too little was written before the fault.
            KubectlFailed: what it broke could not be put back.
        """
        kube = self.target.need_kube()
        number = 1 + sum(1 for _ in self.folder.glob("[0-9]*-*/"))
        folder = self.folder / f"{number:02}-{scenario.name}"
        folder.mkdir(parents=True)
        if scenario.spec.victim == "node":
            # What an autoscaler took away may have left every pod on one node.
            actions.spread(_bare_scene(self.target, kube, self.waiter))
        before = self._whole(kube)
        scene = self._scene(kube, scenario, before, numbers, needs.hold_s)
        path = folder / "scene.json"
        scene.write(path)
        since, since_ns = self.now_s, time.monotonic_ns()
        # The ledger proves something only of what was acknowledged when the fault came.
        self._writing(writers, since_ns, f"{needs.before} before it", _each(needs.before))
        self.until(since + _EDGE_S)
        fault = self.now_s
        try:
            journal = toolkit.run(
                scenario.experiment,
                path,
                folder,
                hold_s=needs.hold_s,
                timeout_s=self.waiter.seconds("experiment"),
            )
        finally:
            with uninterrupted():
                actions.put_back(str(path))
            self.bands.append(Band(name=scenario.spec.title, start_s=fault, end_s=self.now_s))
        after = look(kube)
        if journal.run:
            fault = (journal.began() - self.started).total_seconds()
        ended = self.now_s
        self.bands[-1] = Band(name=scenario.spec.title, start_s=fault, end_s=ended)
        over_ns = time.monotonic_ns()
        self._going_on(writers, since_ns, over_ns, needs.writes)
        rate = self.load.plan.steps[0].rate
        # A second more: either edge of the window may cost a request.
        until = max(self.now_s, ended + _EDGE_S, since + needs.requests / rate + 1)
        self.until(until)
        window = self._window(since, until)
        seen = Disturbance(
            scenario=scenario,
            played=Played(scene, before, after, journal),
            window=window,
            result=analyse(window),
            fault_s=fault - since,
            fault_ns=since_ns + round((fault - since) * 1e9),
            over_ns=over_ns,
            whole_s=journal.whole_s(),
        )
        self.history.append(seen)
        return seen

    def document(self) -> LoadDocument:
        """The load from its start to the last fault, for the time line.

        Raises:
            Undecided: nothing was recorded.
            ValueError: there was no fault.
        """
        last = max(band.end_s for band in self.bands) + _EDGE_S
        return LoadDocument(
            result=analyse(whole_part(self.load.record(), 0, last)), bands=self.bands
        )

    def _whole(self, kube: Kube) -> ClusterView:
        """The cluster when the deployment is whole; a new fault must not meet an old one."""
        play = _bare_scene(self.target, kube, self.waiter)
        self.waiter.until(
            "whole: the deployment",
            lambda: actions.missing(play, look(kube)),
            done=lambda left: not left,
            timeout="whole again",
        )
        return look(kube)

    def _scene(
        self,
        kube: Kube,
        scenario: Scenario,
        view: ClusterView,
        numbers: random.Random,
        hold_s: float,
    ) -> Scene:
        names, spec = self.target.names, scenario.spec
        node = choose_node(names, view) if spec.victim == "node" else ""
        pods = []
        if spec.victim in ("mlflow", "postgresql", "s3"):
            chosen = choose_pod(pods_of(names, spec.victim, view), numbers)
            pods = [victim_of(chosen, container_of(names, spec.victim))]
        kept = None
        if spec.changes_deployment:
            kept = objects.keep(kube, "deployment", names.mlflow.deployment)
        bare = _bare_scene(self.target, kube, self.waiter)
        return bare.model_copy(
            update={
                "pods": pods,
                "node": node,
                "kept": kept,
                "peers": sorted(p.ip for p in pods_of(names, "mlflow", view)),
                "disposable": disposable(names, spec.may_break, pods, node, view),
                "hold_s": hold_s,
            }
        )

    def _writing(
        self,
        writers: Writers,
        since_ns: int,
        what: str,
        done: Callable[[Counter[str]], bool],
        timeout: str = "writes acknowledged",
    ) -> None:
        self.waiter.until(
            f"acknowledged: writes, {what}",
            lambda: writers.acknowledged(since_ns),
            done=done,
            timeout=timeout,
            interval_s=0.2,
        )

    def _going_on(self, writers: Writers, since_ns: int, over_ns: int, least: int) -> None:
        """Let every kind of write be acknowledged again, and as many as are asked for.

        What does not come is for the ledger to show: after a fault that is a finding.
        """
        try:
            self._writing(writers, over_ns, "each kind again", _each(dict.fromkeys(KINDS, 1)))
            self._writing(
                writers,
                since_ns,
                f"{least} in the window",
                lambda seen: seen.total() >= least,
                timeout="window written",
            )
        except TimedOut:
            return

    def until(self, at_s: float) -> None:
        """Let the load go on until a moment of its plan."""
        time.sleep(max(0.0, at_s - self.now_s))

    def _window(self, since: float, until: float) -> RunRecord:
        """The part of the record between two moments, once every reply in it is there.

        Raises:
            Undecided: nothing was planned so late.
        """
        if until > _LONGEST_S:
            raise Undecided(
                f"the load is planned for {_LONGEST_S:g} s, and this check ended {until:.0f} s "
                "after its start: ask for fewer faults in one run"
            )
        timeout_s = self.load.plan.workload.timeout_s
        self.until(until + min(timeout_s, _REPLY_S))

        def recorded() -> RunRecord:
            return whole_part(self.load.record(), since, until)

        return self.waiter.until(
            "recorded: every request of the window",
            recorded,
            done=lambda part: not part.missing,
            timeout="load recorded",
        )


def _each(least: Mapping[str, int]) -> Callable[[Counter[str]], bool]:
    return lambda seen: all(seen[kind] >= count for kind, count in least.items())


def whole_part(record: RunRecord, since: float, until: float) -> RunRecord:
    """A window of a record that still grows; `missing` says whether something of it is not there.

    A record that goes on has no end yet, which is no loss for a window in which every planned
    request has been recorded.
    """
    window = record.window(since, until)
    absent = len(window.planned_us) - len(window.records)
    if absent > 0:
        missing = [f"{absent} of {len(window.planned_us)} requests are not recorded"]
        return replace(window, missing=missing)
    return replace(window, missing=[])


def _bare_scene(target: Target, kube: Kube, waiter: Waiter) -> Scene:
    return Scene(
        kubeconfig=kube.kubeconfig.resolve(),
        context=kube.context,
        kubectl=kube.kubectl,
        names=target.names,
        deployment=target.names.mlflow.deployment,
        time_scale=waiter.scale,
    )


@contextmanager
def on_stage(target: Target, run: Run, rate: float, garbage: list[str]) -> Iterator[Stage]:
    """The deployment with its autoscaler held at its minimum, and load on the front door.

    The autoscaler is held so that the number of replicas is what the scenario says, rather than
    what the load happens to make of it; it is given back afterwards.

    Args:
        rate: requests a second.
        garbage: gets the ID of the experiment that the load and the writers use.

    Raises:
        Undecided: the target has no cluster or no front door.
        Unusable: the objects for the load could not be made.
    """
    kube = target.need_kube()
    door = target.need_front()
    folder = run.folder.path / "disruption"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_held_autoscaler(target, kube, run.waiter))
        api = door.api()
        world = seeding.make(api, f"disruption-{run.run_id}")
        garbage.append(world.experiment_id)
        stack.callback(_removed, run, api, world)
        plan = LoadPlan(
            url=door.url,
            workload=load_workload(_WORKLOAD),
            steps=[Step(rate=rate, duration_s=_LONGEST_S)],
            seed=run.seed,
            world=world,
            ca_file=door.ca_file,
            headers=dict(door.headers),
        )
        load = stack.enter_context(engine.running(plan, folder))
        started = load.started(run.waiter)
        stage = Stage(target, run, run.waiter, load, started, folder, world.experiment_id)
        # Its senders begin together, a moment from now; no window may begin before them.
        stage.until(_EDGE_S)
        try:
            yield stage
        finally:
            if stage.bands:
                stage.document().write(run.folder.path / TIME_LINE_RECORD)


def _replicas(kube: Kube, deployment: str) -> int:
    wanted: int = objects.keep(kube, "deployment", deployment)["spec"]["replicas"]
    return wanted


def _pods(target: Target, kube: Kube) -> int:
    """Pods of MLflow, with those that are on their way out."""
    names = target.names
    found = look(kube).of(names.namespace, names.mlflow.selector)
    return sum(not pod.finished for pod in found)


@contextmanager
def _held_autoscaler(target: Target, kube: Kube, waiter: Waiter) -> Iterator[None]:
    name = target.names.mlflow.hpa
    if name is None:
        yield
        return
    least = objects.keep(kube, "hpa", name)["spec"].get("minReplicas", 1)
    hold = ObjectChange(
        kind="hpa", name=name, patch_type="merge", patch={"spec": {"maxReplicas": least}}
    )
    with changed(target, [hold], waiter):
        # More replicas than that are what a load before has left; they must not leave later, nor
        # take requests with them while they do.
        waiter.until(
            f"at its minimum of {least}: the autoscaler {name}",
            lambda: (_replicas(kube, target.names.mlflow.deployment), _pods(target, kube)),
            done=lambda seen: max(seen) <= least,
            timeout="rollout",
        )
        yield


def _removed(run: Run, api: MlflowApi, world: World) -> None:
    with run.phase("objects of the faults removed") as note:
        note.detail = seeding.remove(api, world)
