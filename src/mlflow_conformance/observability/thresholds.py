# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of observability, as a profile's rows write them down."""

from re import Pattern
from typing import Literal

from pydantic import Field, model_validator

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Registry, Seconds, Share, Thresholds

Route = Literal["page", "health", "version", "upload", "download", "listing", "trace export"]
"""A kind of route of MLflow's server."""


class ExporterMetrics(Strict):
    """What an exporter calls its metrics; each is summed over its labels."""

    up: str = Field(min_length=1, description="1 when PostgreSQL answers the exporter")
    connections: str = Field(min_length=1, description="open connections")
    maximum: str = Field(min_length=1, description="how many connections PostgreSQL allows")


class DatabaseMetrics(Thresholds):
    """OBS-6."""

    series: ExporterMetrics = Field(description="names of the exporter's metrics")
    connections: int = Field(ge=1, description="connections that the check holds open")
    hold_s: float = Field(gt=0, description="how long it holds them, seconds")
    tolerance: float = Field(
        ge=0, description="connections that others may open or close meanwhile"
    )


class RequestMetrics(Strict):
    """What MLflow calls the metrics of its requests; both have a method and a status."""

    total: str = Field(min_length=1, description="the counter of requests")
    durations: str = Field(min_length=1, description="the histogram of their durations, seconds")


class Counted(Thresholds):
    """OBS-7."""

    series: RequestMetrics = Field(description="names of MLflow's metrics")
    sent: int = Field(ge=4, description="searches that are sent to each replica")
    others: int = Field(
        ge=0, description="requests that others may send meanwhile, of the same method and status"
    )
    share: Share = Field(
        description="least of the time that requests took which must be told, as a share"
    )
    each_route: int = Field(ge=2, description="requests of each kind of route")
    uncounted: list[Route] = Field(
        description="kinds of routes that the deployment's MLflow does not count"
    )


class LineKeys(Strict):
    """Keys of a line of JSON."""

    time: str = Field(min_length=1, description="when: ISO 8601 with its zone, or a number")
    level: str = Field(min_length=1, description="how grave it is, such as INFO")
    message: str = Field(min_length=1, description="what is said")
    id: str = Field(min_length=1, description="the ID of the request that it is about")


class Logged(Thresholds):
    """OBS-5."""

    header: str = Field(
        min_length=1, description="header of a request, and of its answer, that holds its ID"
    )
    keys: LineKeys = Field(description="where a line has what")
    lines: int = Field(ge=1, description="lines that must have been looked at, at least")
    each: int = Field(ge=1, description="requests of each kind that are sent to each replica")
    clocks_s: Seconds = Field(
        description="most that a line's time may be away from when its request was sent, seconds: "
        "clocks differ a little, and zones by more"
    )
    plain: list[Pattern[str]] = Field(
        description="what the server is known to print before its logging is set up, as regular "
        "expressions that match whole lines"
    )


class MetricNames(Strict):
    """Names of metrics that must be there, by what tells them."""

    mlflow: list[str] = Field(min_length=1, description="of every ready pod of MLflow")
    postgresql: list[str] = Field(
        description="of PostgreSQL's exporter, where the profile names its port"
    )


class Scraped(Thresholds):
    """OBS-1."""

    interval_s: float = Field(gt=0, description="most between two scrapes of a pod, seconds")
    series: MetricNames = Field(description="metrics that Prometheus has of each")


class Panels(Thresholds):
    """OBS-3."""

    panels: int = Field(ge=1, description="least panels with queries that there must be")
    data_sources: list[str] = Field(
        description="UIDs or names of data sources that the Grafana of these dashboards has; those "
        "that people choose by a variable of a dashboard need none"
    )


class Alerts(Thresholds):
    """OBS-2."""

    alerts: dict[str, Seconds] = Field(
        min_length=1,
        description="the longest that the expression of each alert may have to hold before it "
        "fires, seconds, by the alert's name",
    )
    settles_s: float = Field(
        gt=0, description="most that is waited until none is active, before the load, seconds"
    )
    per_s: int = Field(ge=1, description="requests in each second of the load")
    load_s: float = Field(gt=0, description="how long the load is, seconds")


class AlertedFault(Thresholds):
    """OBS-2.down."""

    alerts: list[str] = Field(min_length=1, description="the alerts that the fault has")
    fires_s: float = Field(gt=0, description="most from the fault until each fires, seconds")
    arrives_s: float = Field(
        gt=0, description="most from then until it has reached the receiver, seconds"
    )
    resolves_s: float = Field(
        gt=0,
        description="most from the end of the fault until the receiver was told so, seconds",
    )
    per_s: int = Field(ge=1, description="requests in each second of the fault")


class AskedFault(AlertedFault):
    """OBS-2.database."""

    after_per_s: int = Field(
        ge=1, description="requests in each second after it, until the alerts are resolved"
    )


class DosedFault(AskedFault):
    """What the checks of alerts with a threshold share."""

    silent_s: float = Field(
        gt=0, description="how long none may fire of a fault that is less than promised, seconds"
    )


class FailingFault(DosedFault):
    """OBS-2.errors."""

    promised: Share = Field(description="share of requests that fail, above which people are told")
    below: int = Field(ge=1, description="requests that fail in each second, of which none is told")
    above: int = Field(ge=1, description="requests that fail in each second, of which people are")

    @model_validator(mode="after")
    def _around(self) -> "FailingFault":
        if not self.below < self.promised * self.per_s < self.above < self.per_s:
            raise ValueError(
                "`promised` of `per_s` must be more than `below` and less than `above`, and that "
                "less than `per_s`"
            )
        return self


class SlowFault(DosedFault):
    """OBS-2.latency."""

    quantile: Share = Field(description="of requests, whose time is promised")
    promised_s: float = Field(
        gt=0, description="the time of that quantile above which people are told, seconds"
    )
    bearable_s: float = Field(
        gt=0, description="by which statements of the database are longer, and nobody is told, s"
    )
    slow_s: float = Field(
        gt=0, description="by which statements of the database are longer, and people are told, s"
    )
    slow_per_s: int = Field(ge=1, description="requests in each second that meet the fault")

    @model_validator(mode="after")
    def _around(self) -> "SlowFault":
        if not self.bearable_s < self.promised_s < self.slow_s:
            raise ValueError("`promised_s` must be between `bearable_s` and `slow_s`")
        if not 1 - self.quantile < self.slow_per_s / self.per_s < 1:
            raise ValueError("`slow_per_s` of `per_s` must be more than is left by `quantile`")
        return self


class FullFault(AlertedFault):
    """OBS-2.connections."""

    maximum: int = Field(ge=20, description="connections that PostgreSQL allows meanwhile")
    share: Share = Field(description="of them that are open")


class BackupFault(AlertedFault):
    """OBS-2.backups."""

    failing_environment: dict[str, str] = Field(
        min_length=1, description="environment in which a backup fails, by the variables' names"
    )
    age_s: float = Field(gt=0, description="age that the last good backup is given, seconds")


class Traced(Thresholds):
    """OBS-4."""

    requests: int = Field(ge=2, description="requests of callers whose traces are kept")
    arrives_s: float = Field(
        gt=0, description="most from the last answer until all of their traces have arrived, s"
    )


class Sampled(Thresholds):
    """OBS-4.share."""

    requests: int = Field(ge=100, description="requests of callers that do not trace themselves")
    share: Share = Field(description="of them that is traced")
    doubt: Share = Field(
        description="how often a sampler that keeps its share may be called wrong, as a share"
    )
    quiet_s: int = Field(
        ge=1, description="how long none must have arrived before they are counted, seconds"
    )


class Uncollected(Thresholds):
    """OBS-4.away."""

    requests: int = Field(ge=20, description="requests while the collector is away, all traced")
    at_once: int = Field(ge=1, description="of them that are under way at once, at most")
    timeout_s: float = Field(gt=0, description="how long each may take, seconds")
    failed: int = Field(ge=0, description="most of them that fail")
    p95_s: float = Field(gt=0, description="most of their 95th percentile, seconds")
    ready_s: float = Field(
        gt=0, description="most until a replica that starts meanwhile is ready, seconds"
    )
    arrives_s: float = Field(
        gt=0, description="most until traces of every replica arrive, before and afterwards, s"
    )
    others_cpu: Share | None = Field(
        description="share of this machine's CPU time that others may take in any 5 s before "
        "what is too slow decides nothing; null for any"
    )


THRESHOLDS: Registry = {
    "OBS-1": Scraped,
    "OBS-2": Alerts,
    "OBS-2.backups": BackupFault,
    "OBS-2.connections": FullFault,
    "OBS-2.database": AskedFault,
    "OBS-2.down": AlertedFault,
    "OBS-2.errors": FailingFault,
    "OBS-2.latency": SlowFault,
    "OBS-3": Panels,
    "OBS-5": Logged,
    "OBS-4": Traced,
    "OBS-4.away": Uncollected,
    "OBS-4.share": Sampled,
    "OBS-6": DatabaseMetrics,
    "OBS-7": Counted,
}
