# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of tracking, as a profile's rows write them down."""

from re import Pattern
from typing import Self

from pydantic import Field, model_validator

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Registry, Thresholds


class KnownTable(Strict):
    """Rows that a fault of MLflow, or what no command of it removes, leaves in a table."""

    table: str = Field(min_length=1, description="the table of MLflow's database")
    because: str = Field(min_length=1, description="why, for the report")


class KnownRequests(Strict):
    """A fault of MLflow itself, by the requests that meet it."""

    requests: Pattern[str] = Field(
        description="regular expression that the whole signature of a request matches: method, "
        "call and what is wrong, such as `POST /mlflow/runs/create: empty body`"
    )
    because: str = Field(min_length=1, description="what the fault is, for the report")


class Lengths(Thresholds):
    """TRK-1.lengths: what MLflow itself takes at the most, in characters."""

    param_value: int = Field(ge=1, description="longest value of a param, characters")
    tag_value: int = Field(ge=1, description="longest value of a run's tag, characters")
    key: int = Field(ge=1, description="longest key of a metric, characters")
    experiment_name: int = Field(ge=100, description="longest name of an experiment, characters")


class History(Thresholds):
    """TRK-2."""

    steps: int = Field(ge=1, description="steps of the metric that is logged and read back")


class Search(Thresholds):
    """TRK-4: paging and filters need runs of every kind, 60 of them with data."""

    runs: int = Field(ge=60, description="runs that are made and paged through")


class BadInput(Thresholds):
    """TRK-6."""

    requests: int = Field(ge=1, description="wrong requests that are sent")
    alone: bool = Field(
        description="nobody else uses the deployment meanwhile, so that no row at all may be "
        "written; `false` judges what these requests wrote"
    )
    known_5xx: list[KnownRequests] = Field(
        description="faults of MLflow that answer with a 5xx: known limits, anything else fails"
    )
    known_accepted: list[KnownRequests] = Field(
        description="faults of MLflow that answer with 200: known limits, anything else fails"
    )
    known_rows: list[KnownTable] = Field(
        description="tables into which a fault of MLflow writes: known limits, any other row fails"
    )


class ConcurrentWriters(Thresholds):
    """TRK-7."""

    writers: int = Field(ge=2, description="writers at the same time")
    rounds: int = Field(ge=1, description="experiments that all writers try to create")
    metrics: int = Field(ge=1, description="metrics that are logged, by all writers together")
    refused: int = Field(ge=0, description="of them, those that may be refused or get no answer")

    @model_validator(mode="after")
    def _every_writer_writes(self) -> Self:
        if self.metrics < self.writers:
            raise ValueError("metrics: every writer logs one at least")
        return self


class Pages(Thresholds):
    """TRK-8."""

    within_s: float = Field(
        gt=0, allow_inf_nan=False, description="time for each command and each page, seconds"
    )


class Programs(Thresholds):
    """TRK-8.snippets."""

    within_s: float = Field(gt=0, allow_inf_nan=False, description="time for each program, seconds")
    params: dict[str, str] = Field(description="params that the programs log, by key")
    metrics: dict[str, float] = Field(description="metrics that the programs log, by key")
    stages: list[str] = Field(
        description="stages of the versions that the programs register; none when they do not"
    )


class ReadsFollowWrites(Thresholds):
    """TRK-9: eight clients share the pairs."""

    pairs: int = Field(ge=8, description="writes that are each read back through another replica")
    refused: int = Field(ge=0, description="of them, those that may be refused or get no answer")


class Cleanup(Thresholds):
    """TRK-10."""

    alone: bool = Field(
        description="nobody else uses the deployment during the run, so that everything must be "
        "as it was before; `false` judges what bears this run's name"
    )
    stays: list[KnownTable] = Field(
        description="tables whose rows no command of MLflow removes: known limits"
    )


THRESHOLDS: Registry = {
    "TRK-1": Thresholds,
    "TRK-1.lengths": Lengths,
    "TRK-2": History,
    "TRK-3": Thresholds,
    "TRK-4": Search,
    "TRK-5": Thresholds,
    "TRK-6": BadInput,
    "TRK-7": ConcurrentWriters,
    "TRK-8": Pages,
    "TRK-8.snippets": Programs,
    "TRK-9": ReadsFollowWrites,
    "TRK-10": Cleanup,
}
