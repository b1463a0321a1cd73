# SPDX-License-Identifier: Apache-2.0
"""Two servers under the same load in turns: A B B A A B B A …, and what each turn came to.

A turn is one run. Turns are short and alternate, so that what changes on the machine over minutes
meets both servers; every second pair begins with B, so that what a turn leaves behind for the next
one meets both as well. The first turn of each server warms it up and counts for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.load.analysis import SendingBounds, analyse
from mlflow_conformance.load.arrivals import RateStep
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.plan import LoadPlan, Second
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.load.workload import Workload

_WARM_UP = 1
"""Pairs of turns that count for nothing."""
_BEHIND = SendingBounds(achieved=0.99, lateness_p99_s=0.05)
"""A sender that was later than that says more of itself than of the servers."""


@dataclass(frozen=True)
class Turn:
    """One run of load on one server; `first` says whether that is A."""

    first: bool
    since_s: float
    until_s: float


@dataclass(frozen=True)
class Turns:
    """How two servers take turns.

    Attributes:
        pairs: pairs of turns that count.
        rate: arrivals a second in a turn.
        turn_s: length of a turn, seconds.
        rest_s: pause after each turn, seconds: for requests that are still under way.
    """

    pairs: int
    rate: float
    turn_s: float
    rest_s: float

    @property
    def all(self) -> list[Turn]:
        """Every turn in its order, with those that warm up."""
        length = self.turn_s + self.rest_s
        order = [
            first
            for pair in range(_WARM_UP + self.pairs)
            for first in ((True, False) if pair % 2 == 0 else (False, True))
        ]
        return [
            Turn(first, number * length, number * length + self.turn_s)
            for number, first in enumerate(order)
        ]

    def plan(
        self, workload: Workload, seed: int, a: tuple[str, World], b: tuple[str, World]
    ) -> LoadPlan:
        """The load of all turns; each server by its URL and the objects that were made on it."""
        turns = self.all
        return LoadPlan(
            url=a[0],
            world=a[1],
            second=Second(
                url=b[0],
                world=b[1],
                steps=[2 * place for place, turn in enumerate(turns) if not turn.first],
            ),
            workload=workload,
            steps=[
                RateStep(rate=rate, duration_s=length)
                for _ in turns
                for rate, length in ((self.rate, self.turn_s), (0, self.rest_s))
            ],
            seed=seed,
        )


@dataclass(frozen=True)
class TurnsCompared:
    """What the turns that count came to.

    Attributes:
        pairs: seconds of A's turn and of B's, for each pair.
        failed: requests that failed at A and at B.
        typical: median seconds of each operation at A and at B, over all turns.
    """

    pairs: Sequence[tuple[float, float]]
    failed: tuple[int, int]
    typical: dict[str, tuple[float | None, float | None]]


def compare_turns(record: RunRecord, turns: Turns, percentile: float) -> TurnsCompared:
    """What the turns came to, each by one percentile of all its requests.

    Raises:
        Undecided: the load was not sent as planned, or a turn has no reply at all.
    """
    if void := analyse(record, _BEHIND).void:
        raise Undecided(f"the load is void: {'; '.join(void)}")
    counting = turns.all[2 * _WARM_UP :]
    results = [analyse(record.window(turn.since_s, turn.until_s)) for turn in counting]
    seconds = [result.overall.percentile(percentile).seconds for result in results]
    if any(value is None for value in seconds):
        raise Undecided("a turn of a server has no request that was answered")
    told = [(turn, float(value or 0)) for turn, value in zip(counting, seconds, strict=True)]
    ours, theirs = _of(counting, results, first=True), _of(counting, results, first=False)
    return TurnsCompared(
        pairs=[_in_order(told[n], told[n + 1]) for n in range(0, len(told), 2)],
        failed=(_failed(ours), _failed(theirs)),
        typical={name: (_median(ours, name), _median(theirs, name)) for name in record.names},
    )


def _in_order(one: tuple[Turn, float], other: tuple[Turn, float]) -> tuple[float, float]:
    return (one[1], other[1]) if one[0].first else (other[1], one[1])


def _of(turns: Sequence[Turn], results: Sequence[LoadResult], *, first: bool) -> list[LoadResult]:
    return [r for turn, r in zip(turns, results, strict=True) if turn.first is first]


def _failed(results: Sequence[LoadResult]) -> int:
    return sum(result.overall.failed for result in results)


def _median(results: Sequence[LoadResult], name: str) -> float | None:
    found = [result.operation(name).percentile(50).seconds for result in results]
    return round(median(known), 4) if (known := [s for s in found if s is not None]) else None
