# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of observability, as a profile's rows write them down."""

from typing import Literal

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Registry, Share, Thresholds

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


THRESHOLDS: Registry = {"OBS-6": DatabaseMetrics, "OBS-7": Counted}
