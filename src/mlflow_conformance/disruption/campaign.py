# SPDX-License-Identifier: Apache-2.0
"""Scenarios played one after the other: a campaign, with one load that goes on over all of them.

Each check judges its own window of the one record. So a scenario costs no start of Locust and no
objects of its own, and the time line of the report shows all faults on one axis.
"""

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.view import ClusterView, look
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.disruption import backoff, toolkit
from mlflow_conformance.disruption.actions import nodes, pods, rollback
from mlflow_conformance.disruption.casting import bare_scene, victim_of, with_victims
from mlflow_conformance.disruption.disturbance import Disturbance, Needs
from mlflow_conformance.disruption.proofs import Played
from mlflow_conformance.disruption.scenario import Scenario
from mlflow_conformance.disruption.scene import Scene, pods_of
from mlflow_conformance.disruption.steadiness import whole_from
from mlflow_conformance.disruption.undisturbed import Disturbed, Undisturbed, undisturbed
from mlflow_conformance.disruption.wholeness import missing
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.ledger.writers import KINDS, Writers
from mlflow_conformance.load import engine
from mlflow_conformance.load.analysis import analyse
from mlflow_conformance.load.document import Band, LoadDocument
from mlflow_conformance.load.machine import OthersCpu
from mlflow_conformance.load.run_record import RunRecord, whole_part
from mlflow_conformance.target.base import Target

LONGEST_S = 3600.0
"""How long the load goes on, seconds; checks that would end later are undecided."""
EDGE_S = 2.0
"""Undisturbed load before the fault and after the recovery, within the window that is judged."""
_REPLY_S = 1.0


@dataclass
class Campaign:
    """A healthy deployment under load, ready to be disturbed.

    Attributes:
        others: watches what others take of this machine's CPU time.
    """

    target: Target
    run: Run
    waiter: Waiter
    load: engine.Load
    started: datetime
    folder: Path
    experiment_id: str
    others: OthersCpu
    bands: list[Band] = field(default_factory=list)
    history: list[Disturbance] = field(default_factory=list)
    spans: list[Disturbed] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        """Seconds from the start of the load."""
        return (datetime.now(UTC) - self.started).total_seconds()

    def replicas(self) -> int:
        """Replicas of MLflow that are ready, once the deployment is whole.

        Raises:
            TimedOut: it is not.
        """
        view = self._whole(self.target.need_kube())
        return sum(pod.ready for pod in pods_of(self.target.names, "mlflow", view))

    def renew(self, scenario: Scenario) -> list[str]:
        """Replace the pods whose restart the kubelet would delay; returns their names.

        Call it before anything is counted: it disturbs clients as the deletion of a pod does.

        Raises:
            Undecided: a pod did not come back.
            TimedOut: the deployment is not whole.
        """
        kube, names = self.target.need_kube(), self.target.names
        view = self._whole(kube)
        bare = self._bare()
        replaced = []
        for pod in backoff.marked(names, scenario.spec, view, datetime.now(UTC)):
            since = self.now_s
            pods.renew(bare.model_copy(update={"pods": [victim_of(pod, "")]}))
            name = f"{pod.name} is replaced, because it was restarted a short time ago"
            self.bands.append(Band(name=name, start_s=since, end_s=self.now_s))
            self.spans.append(Disturbed(name, since, self.now_s + EDGE_S))
            replaced.append(pod.name)
        return replaced

    def play(
        self, scenario: Scenario, numbers: random.Random, writers: Writers, needs: Needs
    ) -> Disturbance:
        """Play a scenario to its end, and put back what it broke however it ends.

        Raises:
            Undecided: the deployment has nobody to hit.
            TimedOut: it is not whole, or too little was written before the fault.
            KubeFailed: what it broke could not be put back.
        """
        kube = self.target.need_kube()
        number = 1 + sum(1 for _ in self.folder.glob("[0-9]*-*/"))
        folder = self.folder / f"{number:02}-{scenario.name}"
        folder.mkdir(parents=True)
        if scenario.spec.victim == "node":
            # What an autoscaler took away may have left every pod on one node.
            nodes.spread(self._bare())
        before = self._whole(kube)
        scene = with_victims(self._bare(), scenario.spec, before, numbers, needs.hold_s)
        since, since_ns = self.now_s, time.monotonic_ns()
        # The ledger proves something only of what was acknowledged when the fault came.
        self._writing(writers, since_ns, f"{needs.before} before it", _each(needs.before))
        self.until(since + EDGE_S)
        fault = self.now_s
        try:
            with scene.handed(folder) as path:
                journal = toolkit.run(
                    scenario.experiment,
                    path,
                    folder,
                    hold_s=needs.hold_s,
                    timeout_s=self.waiter.seconds("experiment"),
                )
        finally:
            with uninterrupted():
                rollback.taken_back(scene)
            self.bands.append(Band(name=scenario.spec.title, start_s=fault, end_s=self.now_s))
        after = look(kube)
        if journal.run:
            fault = (journal.began() - self.started).total_seconds()
        ended = self.now_s
        self.bands[-1] = Band(name=scenario.spec.title, start_s=fault, end_s=ended)
        over_ns = time.monotonic_ns()
        whole_s = self._whole_after(scene, journal, needs.steady_s)
        self._going_on(writers, since_ns, over_ns, needs)
        rate = self.load.plan.steps[0].rate
        # A second more: either edge of the window may cost a request.
        until = max(self.now_s, ended + EDGE_S, since + needs.requests / rate + 1)
        self.until(until)
        window = self._window(since, until)
        self.spans.append(Disturbed(scenario.name, fault, until))
        seen = Disturbance(
            scenario=scenario,
            played=Played(scene, before, after, journal),
            window=window,
            result=analyse(whole_part(window, fault, until)),
            attempts=writers.pacer.attempts(),
            fault_s=fault - since,
            fault_ns=since_ns + round((fault - since) * 1e9),
            over_ns=over_ns,
            until_ns=since_ns + round((until - since) * 1e9),
            whole_s=whole_s,
            undisturbed=self.undisturbed(until),
            others_cpu=self.others.most(since_ns / 1e9),
        )
        self.history.append(seen)
        return seen

    def _whole_after(self, scene: Scene, journal: toolkit.Journal, steady_s: float) -> float | None:
        """From the fault until the deployment was whole for good, seconds; None when it was not."""
        looked_s, watched = journal.whole_s(), datetime.now(UTC)
        if looked_s is None:
            return None
        later_s = whole_from(scene, steady_s)
        if not later_s:
            return looked_s if later_s == 0 else None
        return (watched - journal.began()).total_seconds() + later_s

    def undisturbed(self, until_s: float) -> Undisturbed:
        """The load until a moment, without what was done to the deployment."""
        return undisturbed(self.load.record(), self.spans, until_s)

    def calm(self) -> Undisturbed:
        """The same until a moment ago, once what was sent until then is recorded."""
        now = self.now_s
        self.until(now + self.load.plan.workload.timeout_s)
        return self.undisturbed(now)

    def document(self) -> LoadDocument:
        """The load from its start to the last fault, for the time line.

        Raises:
            Undecided: nothing was recorded.
            ValueError: there was no fault.
        """
        last = max(band.end_s for band in self.bands) + EDGE_S
        return LoadDocument(
            result=analyse(whole_part(self.load.record(), 0, last)), bands=self.bands
        )

    def _bare(self) -> Scene:
        return bare_scene(self.target, self.waiter)

    def _whole(self, kube: Kube) -> ClusterView:
        """The cluster when the deployment is whole; a new fault must not meet an old one."""
        play = self._bare()
        self.waiter.until(
            "whole: the deployment",
            lambda: missing(play, look(kube)),
            done=lambda left: not left,
            timeout="whole again",
        )
        return look(kube)

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
            lambda: writers.pacer.acknowledged(since_ns),
            done=done,
            timeout=timeout,
            interval_s=0.2,
        )

    def _going_on(self, writers: Writers, since_ns: int, over_ns: int, needs: Needs) -> None:
        """Let every kind be acknowledged again, none fail for a while, and enough be written.

        What does not come is for the window to show: after a fault that is a finding.
        """
        try:
            self._writing(writers, over_ns, "each kind again", _each(dict.fromkeys(KINDS, 1)))
            self.waiter.until(
                f"without a failed write for {needs.steady_s:g} s: the deployment",
                lambda: _since_failure_s(writers),
                done=lambda seen: seen >= needs.steady_s,
                timeout="writes acknowledged",
            )
            self._writing(
                writers,
                since_ns,
                f"{needs.writes} in the window",
                lambda seen: seen.total() >= needs.writes,
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
        if until > LONGEST_S:
            raise Undecided(
                f"the load is planned for {LONGEST_S:g} s, and this check ended {until:.0f} s "
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


def _since_failure_s(writers: Writers) -> float:
    """How long ago the last write failed, seconds; infinite when none did."""
    failed = [a.ended_ns for a in writers.pacer.attempts() if not a.acknowledged]
    return (time.monotonic_ns() - max(failed)) / 1e9 if failed else math.inf


def _each(least: Mapping[str, int]) -> Callable[[Counter[str]], bool]:
    return lambda seen: all(seen[kind] >= count for kind, count in least.items())
