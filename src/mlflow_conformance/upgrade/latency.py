# SPDX-License-Identifier: Apache-2.0
"""Two servers under the same load in turns: A B B A A B B A …, and what each turn came to.

A turn is one run. Turns are short and alternate, so that what changes on the machine over minutes
meets both servers; every second pair begins with B, so that what a turn leaves behind for the next
one meets both as well. The first turn of each server warms it up and counts for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.load.analysis import SendingBounds, analyse, latencies, nearest_rank
from mlflow_conformance.load.arrivals import RateStep
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.plan import LoadPlan, Second
from mlflow_conformance.load.records import Record
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
        typical: median seconds of each operation at A and at B, over all turns that count.
    """

    pairs: Sequence[tuple[float, float]]
    failed: tuple[int, int]
    typical: dict[str, tuple[float | None, float | None]]


def compare_turns(record: RunRecord, turns: Turns, share: float) -> TurnsCompared:
    """What the turns came to, each by one percentile of all its requests.

    Args:
        share: of the requests of a turn that are no slower, such as 0.95.

    Raises:
        Undecided: the load was not sent as planned, or a turn has no request that was answered.
    """
    if void := analyse(record, _BEHIND).void:
        raise Undecided(f"the load is void: {'; '.join(void)}")
    counting = turns.all[2 * _WARM_UP :]
    sent = [record.window(turn.since_s, turn.until_s).records for turn in counting]
    seconds = [_percentile(records, share) for records in sent]
    if None in seconds:
        raise Undecided("a turn of a server has no request that was answered")
    told = [(turn.first, float(value or 0)) for turn, value in zip(counting, seconds, strict=True)]
    ours = [r for turn, records in zip(counting, sent, strict=True) if turn.first for r in records]
    theirs = [
        r for turn, records in zip(counting, sent, strict=True) if not turn.first for r in records
    ]
    return TurnsCompared(
        pairs=[_in_order(told[n], told[n + 1]) for n in range(0, len(told), 2)],
        failed=(_failed(ours), _failed(theirs)),
        typical={
            name: (_median(ours, number), _median(theirs, number))
            for number, name in enumerate(record.names)
        },
    )


def _in_order(one: tuple[bool, float], other: tuple[bool, float]) -> tuple[float, float]:
    return (one[1], other[1]) if one[0] else (other[1], one[1])


def _percentile(records: Sequence[Record], share: float) -> float | None:
    return nearest_rank(sorted(latencies(records)), share)


def _failed(records: Sequence[Record]) -> int:
    return sum(bool(record.failure) for record in records)


def _median(records: Sequence[Record], operation: int) -> float | None:
    return _percentile([r for r in records if r.operation == operation], 0.5)
