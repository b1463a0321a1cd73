# SPDX-License-Identifier: Apache-2.0
"""From records to numbers: a pure function."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from mlflow_conformance.load import outage
from mlflow_conformance.load.histogram import Latencies
from mlflow_conformance.load.records import Record
from mlflow_conformance.load.result import (
    ALL,
    Bin,
    LoadResult,
    OperationResult,
    Percentile,
    Sending,
)
from mlflow_conformance.load.run_record import RunRecord

PercentileName = Literal["p50", "p75", "p90", "p95", "p99", "p99.5", "p99.9"]
"""How a profile names a percentile."""
PERCENTILES = tuple(name.removeprefix("p") for name in get_args(PercentileName))
BEYOND = 10
"""Samples that must lie beyond a percentile for a promise to be judged by it."""
_Number = TypeVar("_Number", int, float)
_US = 1_000_000
_BINS = 240
_WIDTHS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True)
class SendingBounds:
    """What the sender must have kept for a verdict to be built on a run (promise LAT-3).

    Attributes:
        achieved: least share of the planned requests that was sent.
        lateness_p99_s: most that 99 % of them may have been sent after their planned moment.
    """

    achieved: float = 0.99
    lateness_p99_s: float = 0.010


def analyse(run: RunRecord, bounds: SendingBounds | None = None) -> LoadResult:
    """Everything that can be said about a run, or a window of it."""
    header = run.header
    by_operation: dict[int, list[Record]] = defaultdict(list)
    for record in run.records:
        by_operation[record.operation].append(record)
    sending = _sending(run)
    width = _width(run.seconds)
    return LoadResult(
        workload=header.workload,
        connection=header.connection,
        arrivals=header.arrivals,
        timeout_s=header.timeout_s,
        steps=header.steps,
        seed=header.seed,
        workers=header.workers,
        started=run.start,
        since_s=run.since_us / _US,
        until_s=run.until_us / _US,
        incomplete=list(run.missing),
        void=[*run.missing, *_not_offered(sending, bounds or SendingBounds())],
        sending=sending,
        overall=_operation(ALL, run.records),
        operations=[
            _operation(name, by_operation[number]) for number, name in enumerate(run.names)
        ],
        outage=outage.measure(run),
        bin_s=width,
        timeline=list(_timeline(run, width)),
    )


def latencies(records: Sequence[Record]) -> list[int]:
    """Latencies, microseconds, that percentiles are made of.

    A failed request can only make them worse: it counts when it took longer than the median of
    those that succeeded, and a time-out always. Otherwise an error after half a minute would be
    missing where people waited longest, and a refusal after a millisecond would count as fast.
    """
    succeeded = sorted(r.latency_us for r in records if not r.failure)
    typical = succeeded[len(succeeded) // 2] if succeeded else math.inf
    slow = [
        r.latency_us
        for r in records
        if r.failure and (r.failure == "timeout" or r.latency_us > typical)
    ]
    return [*succeeded, *slow]


def _operation(name: str, records: Sequence[Record]) -> OperationResult:
    counted = latencies(records)
    histogram = Latencies(counted)
    total = histogram.total
    failures = Counter(str(r.failure) for r in records if r.failure)
    statuses = Counter(str(r.status) for r in records if r.status)
    return OperationResult(
        name=name,
        requests=len(records),
        failed=failures.total(),
        failures=dict(sorted(failures.items())),
        statuses=dict(sorted(statuses.items())),
        percentiles=[
            Percentile(p=p, seconds=seconds, samples=total, enough=_enough(p, total))
            for p, seconds in zip(PERCENTILES, histogram.percentiles(PERCENTILES), strict=True)
        ],
        max_s=max(counted) / _US if counted else None,
        histogram=histogram.encoded(),
    )


def _enough(p: str, samples: int) -> bool:
    # In whole per mille: 1 - 0.999 is not 0.001 as a float.
    return samples * (1000 - round(float(p) * 10)) >= BEYOND * 1000


def _sending(run: RunRecord) -> Sending:
    offered = len(run.planned_us)
    sent = sum(1 for r in run.records if r.sent_us <= run.until_us)
    lateness = sorted(r.lateness_us for r in run.records)
    return Sending(
        offered=offered,
        sent=sent,
        achieved=sent / offered if offered else None,
        offered_per_s=offered / run.seconds,
        sent_per_s=sent / run.seconds,
        lateness_p50_s=nearest_rank(lateness, 0.50),
        lateness_p99_s=nearest_rank(lateness, 0.99),
        lateness_max_s=lateness[-1] / _US if lateness else None,
    )


def _not_offered(sending: Sending, bounds: SendingBounds) -> Iterator[str]:
    if sending.achieved is None or sending.lateness_p99_s is None:
        yield "no request was planned, or none was sent"
        return
    if sending.achieved < bounds.achieved:
        yield (
            f"the load was not offered: {sending.sent} of {sending.offered} planned requests were "
            f"sent ({sending.achieved:.1%}, at least {bounds.achieved:.0%} needed)"
        )
    if sending.lateness_p99_s > bounds.lateness_p99_s:
        yield (
            f"the sender was late: 1 % of requests were sent more than "
            f"{sending.lateness_p99_s * 1000:.1f} ms after their planned moment "
            f"(at most {bounds.lateness_p99_s * 1000:g} ms allowed)"
        )


def nearest_rank(ascending_us: Sequence[int], share: float) -> float | None:
    """What `at_rank` finds, in seconds; None of none.

    Args:
        ascending_us: values in ascending order, microseconds.
    """
    return at_rank(ascending_us, share) / _US if ascending_us else None


def at_rank(ascending: Sequence[_Number], share: float) -> _Number:
    """The smallest value that so large a share of them does not exceed.

    Args:
        ascending: one at least, in ascending order.
    """
    return ascending[math.ceil(share * len(ascending)) - 1]


def _width(seconds: float) -> float:
    return next((w for w in _WIDTHS if seconds / w <= _BINS), seconds / _BINS)


def _timeline(run: RunRecord, width: float) -> Iterator[Bin]:
    step = width * _US

    def slot(planned_us: int) -> int:
        return int((planned_us - run.since_us) // step)

    offered = Counter(map(slot, run.planned_us))
    records: dict[int, list[Record]] = defaultdict(list)
    for record in run.records:
        records[slot(record.planned_us)].append(record)
    for number in range(math.ceil((run.until_us - run.since_us) / step)):
        inside = records[number]
        ascending = sorted(latencies(inside))
        yield Bin(
            at_s=(run.since_us + number * step) / _US,
            offered=offered[number],
            sent=len(inside),
            failed=sum(1 for r in inside if r.failure),
            p50_s=nearest_rank(ascending, 0.5),
            p95_s=nearest_rank(ascending, 0.95),
            max_s=ascending[-1] / _US if ascending else None,
        )
