# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of observability, as a profile's rows write them down."""

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Registry, Thresholds


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


THRESHOLDS: Registry = {"OBS-6": DatabaseMetrics}
