# SPDX-License-Identifier: Apache-2.0
"""What was seen of one load on the autoscaler: from rest, up, and down again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mlflow_conformance.autoscaling.thresholds import Surge
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.load.analysis import analyse
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.target.watch import Look, Watch, changes, longest_gap_s

BLIND_S = 10.0
"""A watch with a longer gap than this may have missed what it was to see."""


@dataclass
class Window:
    """What was seen.

    Attributes:
        obstacle: why no load was sent: the autoscaler could not have answered it.
        recorded: every request; None when none was sent.
        start: of the load, seconds since the epoch.
        watched_until: when the watch ended, likewise.
        others_cpu: what others took of this machine's CPU time, as of
            `load.machine.OthersCpu.most`; None where the cluster is elsewhere.
    """

    surge: Surge
    watch: Watch = field(default_factory=Watch)
    obstacle: str | None = None
    recorded: RunRecord | None = None
    start: float = 0.0
    watched_until: float = 0.0
    others_cpu: float | None = None

    @property
    def looks(self) -> Sequence[Look]:
        """Looks from the start of the load; the first one shows the replicas before it."""
        before = [s for s in self.watch.looks if s.at <= self.start]
        return [*before[-1:], *(s for s in self.watch.looks if s.at > self.start)]

    def from_second(self, second: float) -> tuple[Sequence[Look], Sequence[float]]:
        """Looks from a second of the load on, with the last one before it.

        Also at which seconds more replicas were asked for until then.
        """
        until = self.start + second
        before = [s for s in self.looks if s.at <= until]
        rises = [at for at, old, new in changes(before) if new > old]
        later = [s for s in self.looks if s.at > until]
        return [*before[-1:], *later], [round(at - self.start, 1) for at in rises]

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
        return analyse(self.recorded.window(since_s, until_s), self.surge.bounds)

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


def last_rise(looks: Sequence[Look]) -> float | None:
    """When replicas were last added, seconds since the epoch."""
    return max((at for at, before, after in changes(looks) if after > before), default=None)


def first_fall(looks: Sequence[Look]) -> float | None:
    """When replicas were first taken away, seconds since the epoch."""
    return next((at for at, before, after in changes(looks) if after < before), None)
