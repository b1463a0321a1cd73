# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of latency, as a profile's rows write them down."""

from typing import Annotated

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Registry, Seconds, Share, Thresholds
from mlflow_conformance.load.analysis import PercentileName, SendingBounds
from mlflow_conformance.load.expectations import LatencyBounds

LATENCY, OFFERED = "LAT-1", "LAT-3"
"""The checks that one load decides."""


class Offer(Strict):
    """What is to be sent.

    A server that keeps `max_in_flight` requests open leaves no room for another, and the load is
    void.
    """

    workload: str = Field(min_length=1, description="a workload of loadtests/, or a file's path")
    rate: float = Field(gt=0, le=20_000, description="arrivals a second")
    duration_s: float = Field(gt=0, le=7 * 86_400, description="how long, seconds")
    workers: int = Field(
        ge=1, le=1000, description="processes that share it, when one cannot send it in time"
    )
    max_in_flight: int = Field(ge=1, description="most requests that a process may hold open")


class Latency(Thresholds):
    """LAT-1: how long each operation takes, and how often it fails."""

    load: Offer | None = Field(
        description="what is sent; null where `mlflow-conformance sla` is told all of it"
    )
    each_operation_s: dict[PercentileName, Seconds] = Field(
        description="by percentile, the most that every operation may take for itself, seconds"
    )
    all_operations_s: dict[PercentileName, Seconds] = Field(
        description="by percentile, the most that all operations together may take, seconds; "
        "together they have the samples for a tail"
    )
    errors: Share | None = Field(
        description="most of an operation's requests that may fail, as a share; null for any"
    )
    others_cpu: Share | None = Field(
        description="most of this machine's CPU time that others than the load and the cluster may "
        "have taken in any 5 s, as a share: beyond it a broken bound decides nothing; null "
        "for never, and without effect where the cluster has machines of its own"
    )

    @property
    def bounds(self) -> LatencyBounds:
        """What the result of the load is held against."""
        return LatencyBounds(self.each_operation_s, self.all_operations_s, self.errors)


class Sent(Thresholds):
    """LAT-3: whether the server took the load as it was planned."""

    achieved: Annotated[float, Field(gt=0, le=1)] = Field(
        description="least of the planned requests that must have been sent, as a share"
    )
    lateness_p99_s: Seconds = Field(
        description="most that 99 % of them may have been sent after their planned moment, "
        "seconds; a sender that was later decides nothing"
    )
    others_cpu: Share | None = Field(
        description="of this machine's CPU time, as of LAT-1; null for never"
    )

    @property
    def bounds(self) -> SendingBounds:
        """What the sending of the load is held against."""
        return SendingBounds(self.achieved, self.lateness_p99_s)


class Burst(Thresholds):
    """LAT-1.burst: many writers at one moment."""

    writers: Annotated[int, Field(ge=2)] = Field(description="requests that are sent at once")
    within_s: Seconds = Field(description="most until the last one is answered, seconds")
    others_cpu: Share | None = Field(
        description="of this machine's CPU time, as of LAT-1; null for never"
    )


class OtherOperations(Thresholds):
    """LAT-1.others: operations that no load holds."""

    each: Annotated[int, Field(ge=5)] = Field(description="requests of each kind")
    bytes: Annotated[int, Field(ge=1)] = Field(description="size of the artifacts, bytes")
    median_s: Seconds = Field(description="most that half of each kind may take, seconds")
    others_cpu: Share | None = Field(
        description="of this machine's CPU time, as of LAT-1; null for never"
    )


THRESHOLDS: Registry = {
    LATENCY: Latency,
    "LAT-1.burst": Burst,
    "LAT-1.others": OtherOperations,
    OFFERED: Sent,
}
