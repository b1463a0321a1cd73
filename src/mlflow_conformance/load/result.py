# SPDX-License-Identifier: Apache-2.0
"""What a run of load showed, as numbers; computed by `mlflow_conformance.load.analysis`."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.load.arrivals import Process, RateStep
from mlflow_conformance.load.outage import Outage
from mlflow_conformance.load.workload import Connection

ALL = "all"
"""The name under which all operations together are reported."""


class Percentile(Strict):
    """One percentile of latency, and how many samples carry it.

    `enough` says whether at least ten samples lie beyond it: 200 samples for p95, 1,000 for p99,
    10,000 for p99.9. With fewer it informs, and no promise is judged by it.
    """

    p: str = Field(description="as text, such as 99.9, which has no exact float")
    seconds: float | None
    samples: int
    enough: bool


class OperationResult(Strict):
    """One operation, or all of them.

    Latencies are those of requests that succeeded or timed out. A time-out counts with the time
    that it took: leaving out the slowest would flatter. A fast refusal does not count as fast.
    """

    name: str
    requests: int
    failed: int
    failures: dict[str, int]
    statuses: dict[str, int]
    percentiles: list[Percentile]
    max_s: float | None
    histogram: str = Field(description="HdrHistogram V2, compressed, base64, microseconds")

    @property
    def error_ratio(self) -> float | None:
        """Failed of all; None without requests."""
        return self.failed / self.requests if self.requests else None

    def percentile(self, p: float) -> Percentile:
        """The percentile of that number, such as 95 or 99.9.

        Raises:
            KeyError: it is none of those that are computed.
        """
        for found in self.percentiles:
            if float(found.p) == p:
                return found
        raise KeyError(p)


class Sending(Strict):
    """Whether the load that was planned was offered."""

    offered: int = Field(description="requests that were planned")
    sent: int = Field(description="of those, sent before the end of the window")
    achieved: float | None = Field(description="sent / offered")
    offered_per_s: float
    sent_per_s: float
    lateness_p50_s: float | None
    lateness_p99_s: float | None
    lateness_max_s: float | None


class Bin(Strict):
    """A slice of the time line; requests belong to the slice that they were planned in."""

    at_s: float
    offered: int
    sent: int
    failed: int
    p50_s: float | None
    p95_s: float | None
    max_s: float | None


class LoadResult(Strict):
    """One run of load, or a window of it. Seconds count from the run's start."""

    schema_version: Literal["2"] = "2"
    workload: str
    connection: Connection
    arrivals: Process
    timeout_s: float
    steps: list[RateStep]
    seed: int
    workers: int
    started: AwareDatetime
    since_s: float
    until_s: float
    incomplete: list[str] = Field(description="why the record itself is not whole; among `void`")
    void: list[str] = Field(description="why no verdict can be built on this run; empty if one can")
    sending: Sending
    overall: OperationResult
    operations: list[OperationResult]
    outage: Outage
    bin_s: float
    timeline: list[Bin]

    @property
    def start(self) -> datetime:
        """The run's start."""
        return self.started

    def operation(self, name: str) -> OperationResult:
        """One operation by its name, or all of them by ``all``.

        Raises:
            KeyError: it was not in the mix.
        """
        for found in (self.overall, *self.operations):
            if found.name == name:
                return found
        raise KeyError(name)
