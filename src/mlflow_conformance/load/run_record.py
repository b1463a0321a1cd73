# SPDX-License-Identifier: Apache-2.0
"""The records of all workers as one, and what is missing from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.load.arrivals import times
from mlflow_conformance.load.records import Header, Record, WorkerRecord, read

_US = 1_000_000


@dataclass(frozen=True)
class RunRecord:
    """One run, or a window of it.

    Attributes:
        records: of all workers, in planned order.
        planned_us: every planned moment, whether or not it became a request.
        missing: why the record is not whole, one sentence for each reason.
        since_us: start of the window.
        until_us: end of the window.
    """

    header: Header
    records: Sequence[Record]
    planned_us: Sequence[int]
    missing: Sequence[str]
    since_us: int
    until_us: int

    def __str__(self) -> str:
        said = "; ".join(self.missing) or "nothing is missing"
        return f"{len(self.records)} of {len(self.planned_us)} planned requests: {said}"

    @property
    def start(self) -> datetime:
        """The run's start, from which all microseconds count."""
        return self.header.start

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return (self.until_us - self.since_us) / _US

    @cached_property
    def names(self) -> Sequence[str]:
        """The operations that were planned, in the order of their numbers."""
        return self.header.operations

    def window(self, since_s: float, until_s: float) -> "RunRecord":
        """What was planned from `since_s` until before `until_s`, seconds from the run's start."""
        since, until = round(since_s * _US), round(until_s * _US)
        return RunRecord(
            header=self.header,
            records=[r for r in self.records if since <= r.planned_us < until],
            planned_us=[p for p in self.planned_us if since <= p < until],
            missing=self.missing,
            since_us=since,
            until_us=min(until, self.until_us),
        )

    def only(self, wanted: Callable[[Record], bool]) -> Sequence[Record]:
        """The requests that `wanted` picks."""
        return [r for r in self.records if wanted(r)]


def read_run(paths: Sequence[Path]) -> RunRecord:
    """Read the files of all workers of one run.

    Raises:
        Unusable: a file is no record of load, or they are of different runs.
    """
    workers = [read(path) for path in paths]
    first = workers[0].header
    for worker, path in zip(workers, paths, strict=True):
        if _run_of(worker.header) != _run_of(first):
            raise Unusable(
                f"{path} is the record of another run than {paths[0]}",
                remedy="Name the files of one run",
            )
    records = sorted(r for worker in workers for r in worker.records)
    planned = [round(at * _US) for at in times(first.steps, first.arrivals, first.seed)]
    return RunRecord(
        header=first,
        records=records,
        planned_us=planned,
        missing=list(_missing(workers)),
        since_us=0,
        until_us=round(sum(s.duration_s for s in first.steps) * _US),
    )


def _run_of(header: Header) -> dict[str, object]:
    return header.model_dump(exclude={"worker", "offered", "realtime"})


def _missing(workers: Sequence[WorkerRecord]) -> Sequence[str]:
    expected = workers[0].header.workers
    reasons = []
    for number in range(expected):
        found = [w for w in workers if w.header.worker == number]
        which = "the sender" if expected == 1 else f"sender {number + 1} of {expected}"
        if not found:
            reasons.append(f"{which} left no record")
            continue
        worker = found[0]
        if len(found) > 1:
            reasons.append(f"{which} left {len(found)} records")
        if worker.end is None:
            reasons.append(
                f"{which} was cut short after {len(worker.records)} of "
                f"{worker.header.offered} requests"
            )
        elif worker.end.requests != len(worker.records):
            reasons.append(
                f"{which} made {worker.end.requests} requests and recorded {len(worker.records)}"
            )
    return reasons


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
