# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of autoscaling, as a profile's rows write them down."""

from typing import Annotated

from pydantic import Field, model_validator

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Count, Registry, Seconds, Share, Thresholds
from mlflow_conformance.load.analysis import SendingBounds
from mlflow_conformance.load.arrivals import RateStep

Replicas = Annotated[int, Field(ge=1)]
"""How many replicas; one at least."""
Percent = Annotated[int, Field(ge=1)]
"""A part of what is requested, percent; more than 100 may be used."""


class AsPromised(Thresholds):
    """HPA-1: the autoscaler as it stands in the cluster."""

    min_replicas: Replicas = Field(description="replicas that it may go down to")
    max_replicas: Replicas = Field(description="replicas that it may go up to")
    utilization_percent: dict[str, Percent] = Field(
        description="its goals by resource (`cpu`, `memory`), percent of the request"
    )
    other_goals: list[str] = Field(
        description="what else it scales by, as HPA-1 tells it, such as `External queue_depth: "
        "averageValue 30`"
    )
    tolerance: Share = Field(
        description="by which share of a goal a measurement may pass it without more replicas"
    )
    waits_s: Seconds = Field(
        description="how long fewer replicas must have been enough before any is taken away, "
        "seconds, at least"
    )
    grows_within_s: Seconds = Field(
        description="how long its own rules may let it take from the minimum to the maximum, "
        "whatever the load is, seconds"
    )

    @model_validator(mode="after")
    def _some(self) -> "AsPromised":
        if not self.utilization_percent and not self.other_goals:
            raise ValueError("an autoscaler scales by something: `utilization_percent` or "
                             "`other_goals`")  # fmt: skip
        return self


class AtRest(Thresholds):
    """HPA-5: the autoscaler while nobody uses MLflow."""

    margin_percent: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        description="how far below its goal utilization must be, in points of the goal's percent"
    )
    replicas_at_rest: Replicas = Field(description="most replicas that it may ask for")


class ByHand(Thresholds):
    """HPA-6: the guide's commands that scale."""

    within_s: Seconds = Field(description="most that a command may take, seconds")
    new_ready: Replicas = Field(description="new replicas that must become ready")
    max_replicas: Replicas = Field(description="the maximum that the guide's command sets")


class Surge(Strict):
    """Load that makes the autoscaler act: a surge, and quiet after it."""

    workload: str = Field(min_length=1, description="a workload of loadtests/, or a file's path")
    rate: float = Field(gt=0, le=20_000, description="arrivals a second while it surges")
    for_s: float = Field(gt=0, le=86_400, description="how long it surges, seconds")
    quiet_rate: float = Field(gt=0, le=20_000, description="arrivals a second after it")
    quiet_s: float = Field(gt=0, le=86_400, description="how long the quiet goes on, seconds")
    workers: int = Field(ge=1, le=1000, description="pods that send")
    achieved: float = Field(gt=0, le=1, description="least share of it that must have been sent")
    lateness_p99_s: float = Field(
        gt=0, description="most that 99 % of it may have been sent late, seconds"
    )

    @property
    def steps(self) -> list[RateStep]:
        """The surge, and the quiet after it."""
        return [
            RateStep(rate=self.rate, duration_s=self.for_s),
            RateStep(rate=self.quiet_rate, duration_s=self.quiet_s),
        ]

    @property
    def bounds(self) -> SendingBounds:
        """What the senders must have kept. The load is to be there; its timing is not judged."""
        return SendingBounds(self.achieved, self.lateness_p99_s)


class Rise(Thresholds):
    """HPA-2: more replicas under load. HPA-3 and HPA-7 look at the same load."""

    load: Surge = Field(description="what is sent")
    rises_within_s: Seconds = Field(
        description="from the start of the load until more replicas are asked for, seconds"
    )
    cannot_rise_within_s: Seconds = Field(
        description="from the start of the load, seconds: what rises sooner it cannot have caused, "
        "for it has not been measured yet"
    )


class Pools(Strict):
    """The pools of connections to the database that every replica has."""

    workers: Replicas = Field(description="processes of a replica")
    engines: Replicas = Field(
        description="pools of a process: one each for tracking, the registry, and users with login"
    )
    size: Count = Field(description="connections that a pool keeps open")
    overflow: Count = Field(description="connections that it opens besides while they are needed")

    def kept(self, replicas: int) -> int:
        """The most that so many replicas keep open when nobody uses them."""
        return replicas * self.workers * self.engines * self.size

    def opened(self, replicas: int) -> int:
        """The most that so many replicas may open."""
        return replicas * self.workers * self.engines * (self.size + self.overflow)


class NewReplicas(Thresholds):
    """HPA-3: what the replicas do that came with the load."""

    requests_each: Count = Field(description="requests that each of them must have served")
    ready_for_s: Seconds = Field(
        description="how long one must have been ready to be judged, seconds"
    )
    pools: Pools = Field(description="connections that the replicas may have")
    other_connections: Count = Field(
        description="connections of others than MLflow that there may be: jobs, metrics, people"
    )


class Errors(Thresholds):
    """HPA-7: what a change of size costs."""

    errors: Share = Field(description="most of the requests that may fail, as a share")
    others_cpu: Share | None = Field(
        description="most of this machine's CPU time that others than the load and the cluster may "
        "have taken in any 5 s meanwhile, as a share: beyond it more errors decide nothing; null "
        "for never, and without effect where the cluster has machines of its own"
    )


class Back(Thresholds):
    """HPA-4: fewer replicas after the load."""

    load: Surge = Field(description="what is sent")
    stabilization_s: Seconds = Field(
        description="least from the last replica added to the first taken away, seconds"
    )
    back_within_s: Seconds = Field(
        description="most from the end of the load to the minimum of replicas, seconds"
    )


THRESHOLDS: Registry = {
    "HPA-1": AsPromised,
    "HPA-2": Rise,
    "HPA-3": NewReplicas,
    "HPA-4": Back,
    "HPA-5": AtRest,
    "HPA-6": ByHand,
    "HPA-7": Errors,
}
