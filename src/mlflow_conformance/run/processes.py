# SPDX-License-Identifier: Apache-2.0
"""Processes that play rounds: a new one goes on where one failed, on a deployment made anew."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from mlflow_conformance.config.tiers import Tier
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.verdict import Judged, RunVerdict
from mlflow_conformance.run import gates
from mlflow_conformance.run.resuming import set_aside
from mlflow_conformance.run.rounds import Round


@dataclass(frozen=True)
class PlayedRound:
    """A round that is over.

    Attributes:
        seen: its evidence.
        stopped: why it was not played to its end; None when it was.
    """

    round: Round
    seen: RunVerdict
    stopped: str | None

    @property
    def checks(self) -> dict[str, Judged]:
        """Its checks by their IDs."""
        return {c.id: c for c in self.seen.checks}

    @property
    def seconds(self) -> float:
        """From the first line of its log to the last one; 0 where that is not there."""
        end = self.seen.end
        return (end.ended - self.seen.run.started).total_seconds() if end else 0.0


class Processes:
    """Those of one run, one after the other."""

    def __init__(
        self, folder: Path, profile: str, tier: Tier, *, reuse: bool, prepared: bool = False
    ) -> None:
        """Nothing is started yet.

        Args:
            folder: of the run; each process has one in it.
            reuse: the first one uses the cluster that is there.
            prepared: and trusts what stands on it.
        """
        self._folder, self._profile, self._tier = folder, profile, tier
        self._reuse, self._sound = reuse, prepared
        self._numbers = count(1)

    def play(self, rounds: Sequence[Round]) -> Iterator[PlayedRound]:
        """Play rounds, and tell of each as soon as it is over.

        What an earlier run wrote in their folders stays beside them.

        Raises:
            Unusable: no process can be run, or the healthy target cannot be had.
        """
        for each in rounds:
            set_aside(each.folder)
        waiting = deque(rounds)
        while waiting:
            yield from self._go_on(waiting)

    def _go_on(self, waiting: deque[Round]) -> Iterator[PlayedRound]:
        """Play rounds until none is left or one was not played to its end."""
        place = self._folder / f"process-{next(self._numbers)}"
        set_aside(place)
        played = gates.rounds(
            place, self._profile, self._tier, list(waiting),
            reuse=self._reuse and not self._sound, prepared=self._sound,
        )  # fmt: skip
        # What a process that failed had broken may be so still: the next one makes all anew.
        self._reuse, self._sound = True, False
        with closing(played):
            while True:
                try:
                    ended = next(played)
                except StopIteration:
                    self._sound = True
                    return
                except Unusable as problem:
                    stopped = str(problem)
                    if waiting and (waiting[0].mutant is None or not _begun(waiting[0])):
                        raise
                    break
                waiting.popleft()
                yield _played(ended)
        if waiting:
            yield _played(waiting.popleft(), stopped)


def _played(ended: Round, stopped: str | None = None) -> PlayedRound:
    seen = recorded(ended.folder)
    stopped = stopped or (seen.end.interrupted if seen.end else None)
    if stopped and ended.mutant is None:
        raise Unusable(
            f"The healthy target could not be had: {stopped}", remedy=f"See {ended.folder}"
        )
    return PlayedRound(ended, seen, stopped)


def _begun(waiting: Round) -> bool:
    """Whether there is evidence of a round that did not end."""
    try:
        recorded(waiting.folder)
    except Unusable:
        return False
    return True
