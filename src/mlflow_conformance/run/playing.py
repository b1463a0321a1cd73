# SPDX-License-Identifier: Apache-2.0
"""Plays rounds one after the other: breaks the target, lets checks run, and proves it whole again.

What rounds share is what checks of one gate share: this process, the cluster, and open doors. Each
has its own folder, log, names and fixtures.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from mlflow_conformance.cluster import unchanged
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.core.waits import Hopeless, TimedOut
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.run import Run, make_folder, new_run_id
from mlflow_conformance.mutants.breaking import broken
from mlflow_conformance.run.opening import ground
from mlflow_conformance.run.rounds import Round, RoundPlan
from mlflow_conformance.run.session import TargetOptions
from mlflow_conformance.target.base import Target

_INAPPLICABLE = (Unusable, Undecided, KubeFailed, InsideFailed, NoReply, TimedOut, Hopeless)
"""How a target cannot be broken or put back: the round is over then, and others go on."""


Checked = Callable[[Round, Run, Target], bool]
"""Lets the checks of a round run on a target, from their first fixture to their last finalizer.
Returns whether they left the deployment another one, as an upgrade does."""


def play(outer: Run, plan: RoundPlan, options: TargetOptions, checked: Checked) -> None:
    """Play all rounds of a plan.

    After one that left the deployment other than it was it is made anew.

    Args:
        outer: the run that they are a part of.

    Raises:
        Unusable: there is no target, or no more, or the disk is full.
        KeyboardInterrupt: a signal came.
    """
    player, left = _Player(outer, plan, options, checked), deque(plan.rounds)
    with ground(options, outer) as held:
        while left:
            with held.opened() as target:
                sound = player.while_sound(left, target)
            if not sound and held.renew is not None:
                held.renew()


@dataclass(frozen=True)
class _Player:
    outer: Run
    plan: RoundPlan
    options: TargetOptions
    checked: Checked

    def while_sound(self, left: deque[Round], target: Target) -> bool:
        """Play rounds until none is left, or the target must be opened anew.

        Returns False when the deployment must be made anew as well: also after the last one, for
        who comes next trusts it.
        """
        while left:
            current = left.popleft()
            sound = self._played(current, target)
            current.tell_ended()
            if not sound or not _answers(target):
                return sound
        return True

    def _played(self, current: Round, target: Target) -> bool:
        """Play one; returns whether the deployment is as it was."""
        kube = target.kube if current.mutant is not None else None
        with self._run_of(current) as run:
            try:
                before = unchanged.settings(kube) if kube else {}
                other = self._broken_and_checked(current, run, target)
            except _INAPPLICABLE as problem:
                run.interrupted = str(problem)
                return False
            if kube is None or other:
                return not other
            try:
                with run.phase("proof that all is as it was"):
                    unchanged.wait_whole(kube, run.waiter)
                    if found := unchanged.differences(before, unchanged.settings(kube)):
                        raise Unusable(
                            f"Not as it was: {'; '.join(found)}",
                            remedy="Let the check or the mutant put that back",
                        )
            except _INAPPLICABLE as problem:
                tell(f"the deployment is made anew: {run.log.concealed(str(problem))}")
                return False
            return True

    def _broken_and_checked(self, current: Round, run: Run, target: Target) -> bool:
        if current.mutant is None:
            return self.checked(current, run, target)
        breakage = self.plan.breakages[current.mutant]
        tell(f"{current.mutant}: {breakage.breaks}")
        with ExitStack() as stack:
            with run.phase("broken", breakage.breaks):
                mutated = stack.enter_context(broken(target, breakage.by, run.waiter))
            try:
                return self.checked(current, run, mutated)
            finally:
                with run.phase("put back"):
                    stack.close()

    @contextmanager
    def _run_of(self, current: Round) -> Iterator[Run]:
        """A round as a run of its own, from the first line of its log to the last."""
        run_id = new_run_id()
        folder = make_folder(current.folder, run_id)
        with EvidenceLog(folder.log) as log:
            log.conceal_as(self.outer.log)
            run = replace(
                self.outer,
                rows={i: row for i, row in self.outer.rows.items() if i in current.checks},
                left_out={},
                folder=folder,
                run_id=run_id,
                held_by=self.outer.run_id,
                seed=self.outer.random_for(current.folder.name).getrandbits(32),
                log=log,
                mutant=current.mutant,
                enough={i: ids for i, ids in current.checks.items() if ids},
            )
            log.append(run.started({**self.options.description(), "mutant": current.mutant}))
            try:
                yield run
            except BaseException as problem:
                stopped = isinstance(problem, KeyboardInterrupt)
                run.interrupted = "stopped by a signal" if stopped else repr(problem)
                raise
            finally:
                run.ended()
                folder.clean(log)


def _answers(target: Target) -> bool:
    """Whether the runner is still there."""
    try:
        target.inside.call("ping")
    except InsideFailed:
        return False
    return True
