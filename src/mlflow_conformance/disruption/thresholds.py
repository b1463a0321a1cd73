# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of disruption, as a profile's rows write them down."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Count, Registry, Seconds, Share, Thresholds
from mlflow_conformance.load.expectations import OutageBounds
from mlflow_conformance.load.records import Failure

Status = Annotated[int, Field(ge=100, le=599)]


class Spread(Thresholds):
    """DIS-9: replicas over nodes."""

    max_skew: Count = Field(
        description="most replicas that a node may have more than the one with the fewest"
    )
    min_nodes: Annotated[int, Field(ge=1)] = Field(
        description="nodes that must have a replica, or every usable one where there are fewer"
    )


class Evictions(Thresholds):
    """DIS-1: the disruption budget."""

    min_available: Count = Field(description="replicas that an eviction must leave")
    unhealthy_pods: Literal["AlwaysAllow", "IfHealthyBudget"] = Field(
        description="whether pods that are not ready may be evicted whatever the budget says"
    )


class StartWithout(Thresholds):
    """DIS-10: a pod that starts while its database is away."""

    hold_s: Annotated[float, Field(gt=0, le=25)] = Field(
        description="for how long the database stays away after a pod was deleted, seconds"
    )
    back_s: Seconds = Field(
        description="most until all replicas answer, from when it is ready again, seconds"
    )


class Durability(Thresholds):
    """DIS-4.settings: what PostgreSQL does before it says that a transaction is committed."""

    settings: dict[str, list[str]] = Field(
        min_length=1,
        description="PostgreSQL's settings by name, and the values that each may have, as "
        "`pg_settings` writes them",
    )


class WriteBounds(Strict):
    """What is promised of each kind of write under a fault, from its start on."""

    outage_s: Seconds = Field(description="longest span without an acknowledged one, seconds")
    failing_s: Seconds | None = Field(
        description="most from the first to the last failed one, seconds; null for any"
    )
    failed: Count | None = Field(description="most of one kind that may fail; null for any number")
    statuses: list[Status] | None = Field(
        description="HTTP statuses that failed ones may have; null for any"
    )


class PlayedBounds(Thresholds):
    """What is asked of every fault that is played under load, whatever is promised of it."""

    probe_rate: Annotated[float, Field(gt=0, le=20_000)] = Field(
        description="requests a second of the load; a file's checks share the highest"
    )
    requests: Count = Field(description="requests that must have been planned in the window")
    writes: Count = Field(description="writes that must have been acknowledged in all")
    writes_before: Count = Field(
        description="metrics that must have been acknowledged when the fault came"
    )
    artifacts_before: Count = Field(
        description="artifacts, and records of every other kind, that must have been acknowledged "
        "when the fault came"
    )
    stray_share: Share = Field(
        description="most of the requests that may fail while nothing is done to the deployment, "
        "as a share; as many as do fail then are noise in a window too, and no failure of it"
    )
    steady_s: Seconds = Field(
        description="how long every part must be ready without a break or restart, seconds"
    )

    @property
    def held_s(self) -> float:
        """How long a fault is held that must be ended, seconds; 0 for one that ends by itself."""
        return 0


class FaultBounds(PlayedBounds):
    """What is promised of a fault, here of one that ends by itself."""

    outage_s: Seconds | None = Field(
        description="longest span without a success, seconds; null where it says nothing"
    )
    failing_s: Seconds | None = Field(
        description="most from the first to the last failed request, seconds; null for any"
    )
    failed: Count | None = Field(
        description="most requests that may fail; null for any number, as where the span of those "
        "that fail says it already"
    )
    failures: list[Failure] | None = Field(
        description="kinds of failure that may be (docs/load.md lists them); null for any"
    )
    statuses: list[Status] | None = Field(
        description="HTTP statuses that may be besides 200; null for any"
    )
    record_writes: WriteBounds = Field(
        description="what is promised of writes that end in the database, for each kind of them: "
        "batches of metrics, params, tags, versions and aliases"
    )
    artifact_writes: WriteBounds = Field(description="likewise of uploads")
    others_cpu: Share | None = Field(
        description="most of this machine's CPU time that others than the load and the cluster may "
        "have taken in any 5 s meanwhile, as a share: beyond it a broken bound of a time or a "
        "number of failures decides nothing, and one of a lost write does; null for never, and "
        "without effect where the cluster has machines of its own"
    )
    whole_s: Seconds = Field(
        description="most from the fault until every part is ready again, seconds"
    )

    def idle(self) -> Sequence[str]:
        """See `Thresholds.idle`: a span of failures at a steady rate holds only so many."""
        if self.failing_s is None or not self.failed:
            return ()
        most = math.ceil(self.failing_s * self.probe_rate) + 1
        if self.failed < most:
            return ()
        within = f"{self.failing_s:g} s at {self.probe_rate:g} requests a second"
        return (
            f"failed: {self.failed} cannot break before failing_s: in {within} {most} can fail",
        )

    @property
    def outage(self) -> OutageBounds:
        """What the load is held against as a whole."""
        return OutageBounds(self.outage_s, self.failed)


class HeldFaultBounds(FaultBounds):
    """What is promised of a fault that must be ended."""

    hold_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        description="how long the fault is held before it is ended, seconds"
    )

    @property
    def held_s(self) -> float:
        """See `FaultBounds.held_s`."""
        return self.hold_s


class _OfReplicas(Thresholds):
    replicas: Annotated[int, Field(ge=1)] = Field(
        description="replicas that must be ready before the fault"
    )


class ReplicaFaultBounds(FaultBounds, _OfReplicas):
    """What is promised of a fault of MLflow itself, with so many replicas."""


class UpdateBounds(ReplicaFaultBounds):
    """What is promised of an update, and of the way back."""

    revisions: int = Field(
        ge=0, description="earlier specifications of MLflow's pods that are kept, at least"
    )


class HeldReplicaFaultBounds(HeldFaultBounds, _OfReplicas):
    """What is promised of a fault of MLflow itself that must be ended."""


THRESHOLDS: Registry = {
    "DIS-10": StartWithout,
    "DIS-1": Evictions,
    "DIS-2": ReplicaFaultBounds,
    "DIS-3": ReplicaFaultBounds,
    "DIS-3.deletion": ReplicaFaultBounds,
    "DIS-3.hang": HeldReplicaFaultBounds,
    "DIS-4": FaultBounds,
    "DIS-4.deletion": FaultBounds,
    "DIS-4.hang": HeldFaultBounds,
    "DIS-4.settings": Durability,
    "DIS-5": FaultBounds,
    "DIS-6": HeldFaultBounds,
    "DIS-6.s3": HeldFaultBounds,
    "DIS-7": HeldReplicaFaultBounds,
    "DIS-8": ReplicaFaultBounds,
    "DIS-8.broken": HeldReplicaFaultBounds,
    "DIS-8.update": UpdateBounds,
    "DIS-9": Spread,
    "DIS-11": PlayedBounds,
}
