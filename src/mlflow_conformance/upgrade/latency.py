# SPDX-License-Identifier: Apache-2.0
"""Two servers under the same load side by side, in runs of some seconds, and what each came to.

Every request is sent to both, one right after the other, and each is the first one half the time:
A B B A A B B A … So what stops the machine for a moment meets both servers, and so does what
changes over minutes. The requests of a server between two pauses are one run; two runs that went
side by side are a pair. The first pair warms up and counts for nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.load.analysis import SendingBounds, analyse, latencies, nearest_rank
from mlflow_conformance.load.arrivals import RateStep
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.plan import LoadPlan, Second, goes_to_second
from mlflow_conformance.load.records import Record
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.load.workload import Workload

_WARM_UP = 1
"""Pairs of runs that count for nothing."""
_BEHIND = SendingBounds(achieved=0.99, lateness_p99_s=0.05)
"""A sender that was later than that says more of itself than of the servers."""


@dataclass(frozen=True)
class PairedRuns:
    """How two servers are loaded side by side.

    Attributes:
        pairs: pairs of runs that count.
        rate: arrivals a second, those of both servers together.
        run_s: length of a run, seconds.
        rest_s: pause after it, seconds: for requests that are still under way.
    """

    pairs: int
    rate: float
    run_s: float
    rest_s: float

    def span_s(self, pair: int) -> tuple[float, float]:
        """From when to when a pair that counts is loaded, seconds from the start."""
        since = (_WARM_UP + pair) * (self.run_s + self.rest_s)
        return since, since + self.run_s

    def plan(
        self, workload: Workload, seed: int, a: tuple[str, World], b: tuple[str, World]
    ) -> LoadPlan:
        """The load of all runs; each server by its URL and the objects that were made on it."""
        return LoadPlan(
            url=a[0],
            world=a[1],
            second=Second(url=b[0], world=b[1]),
            workload=workload,
            steps=[
                RateStep(rate=rate, duration_s=length)
                for _ in range(_WARM_UP + self.pairs)
                for rate, length in ((self.rate, self.run_s), (0, self.rest_s))
            ],
            seed=seed,
        )


@dataclass(frozen=True)
class RunsCompared:
    """What the runs that count came to.

    Attributes:
        pairs: seconds of A's run and of B's, for each pair.
        failed: requests that failed at A and at B.
        typical: likewise the median of each operation, of the pairs of runs in which both answered
            one of its requests.
    """

    pairs: Sequence[tuple[float, float]]
    failed: tuple[int, int]
    typical: Mapping[str, Sequence[tuple[float, float]]]

    def medians(self) -> dict[str, list[float]]:
        """The median of each operation's medians at A and at B, seconds."""
        return {
            name: [round(median(side), 6) for side in zip(*seen, strict=True)]
            for name, seen in self.typical.items()
        }


def compare_runs(record: RunRecord, runs: PairedRuns, share: float) -> RunsCompared:
    """What the runs came to, each by one percentile of all its requests.

    Args:
        share: of the requests of a run that are no slower, such as 0.95.

    Raises:
        Undecided: the load was not sent as planned, or a run has no request that was answered.
    """
    if void := analyse(record, _BEHIND).void:
        raise Undecided(f"the load is void: {'; '.join(void)}")
    numbers = {planned: number for number, planned in enumerate(record.planned_us)}
    pairs: list[tuple[float, float]] = []
    typical: dict[str, list[tuple[float, float]]] = {name: [] for name in record.names}
    failed = [0, 0]
    for pair in range(runs.pairs):
        sent = record.window(*runs.span_s(pair)).records
        at_b = [r for r in sent if goes_to_second(numbers[r.planned_us])]
        at_a = [r for r in sent if not goes_to_second(numbers[r.planned_us])]
        one, other = _percentile(at_a, share), _percentile(at_b, share)
        if one is None or other is None:
            raise Undecided("a run of a server has no request that was answered")
        pairs.append((one, other))
        failed = [failed[0] + _failed(at_a), failed[1] + _failed(at_b)]
        for number, name in enumerate(record.names):
            ours, theirs = _median(at_a, number), _median(at_b, number)
            if ours and theirs:
                typical[name].append((ours, theirs))
    return RunsCompared(pairs, (failed[0], failed[1]), typical)


def _percentile(records: Sequence[Record], share: float) -> float | None:
    return nearest_rank(sorted(latencies(records)), share)


def _failed(records: Sequence[Record]) -> int:
    return sum(bool(record.failure) for record in records)


def _median(records: Sequence[Record], operation: int) -> float | None:
    return _percentile([r for r in records if r.operation == operation], 0.5)
