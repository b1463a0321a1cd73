# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of operations, as a profile's rows write them down."""

from typing import Annotated

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Registry, Thresholds

_Name = Annotated[str, Field(min_length=1)]


class Upkeep(Thresholds):
    """OPS-2."""

    within_s: float = Field(gt=0, description="time that each of the guide's commands has, seconds")
    idle_s: float = Field(
        gt=0,
        lt=90,
        description="how long a transaction may be open without anything being asked in it, "
        "seconds; a dump asks all the while",
    )


class IndexedSearch(Strict):
    """A search as MLflow makes it, and the indexes of which each could serve it."""

    query: str = Field(
        min_length=1,
        description="the SQL that MLflow sends; `{experiment}` is the number of an experiment that "
        "the check made, `{run}`, `{key}` and `{value}` are drawn anew in every run: a plan for a "
        "value that is written down here would show an index that serves this one value",
    )
    served_by: list[_Name] = Field(
        min_length=1, description="the indexes of which one must be in the plan"
    )


class Indexes(Thresholds):
    """OPS-3."""

    runs: int = Field(ge=1, description="runs that the check logs first")
    rows_per_run: int = Field(
        ge=1, le=100, description="metrics, and as many params, of each of these runs"
    )
    indexes: list[_Name] = Field(
        min_length=1, description="indexes that must be there and be valid"
    )
    searches: dict[str, IndexedSearch] = Field(
        min_length=1, description="searches by a name for people, each with its indexes"
    )


class ServingWorkers(Thresholds):
    """OPS-4.workers."""

    workers: int = Field(ge=1, description="processes of each pod that serve requests")


class Workers(ServingWorkers):
    """OPS-4."""

    workers_set: int = Field(ge=1, description="another number, which the check sets")


class Steady(Thresholds):
    """OPS-6."""

    restarts: int = Field(
        ge=0,
        description="restarts of a container, at most: a pod that starts before what it needs may "
        "restart, and so does what a fault was made in",
    )
    lasting_s: float = Field(
        gt=0,
        description="how long a container must have run before its last restart for more of them "
        "to say nothing, seconds: a node that is rebooted restarts everything on it",
    )
    starting_s: float = Field(
        gt=0, description="time that a new pod has until it is ready, seconds"
    )


class GuideCommands(Thresholds):
    """OPS-5."""

    within_s: float = Field(gt=0, description="time that each command has, seconds")
    watch_s: float = Field(
        gt=0, description="time for which a command without an end is watched, seconds"
    )


THRESHOLDS: Registry = {
    "OPS-2": Upkeep,
    "OPS-3": Indexes,
    "OPS-4": Workers,
    "OPS-4.workers": ServingWorkers,
    "OPS-5": GuideCommands,
    "OPS-6": Steady,
    "OPS-6.after": Thresholds,
    "OPS-7": Thresholds,
}
