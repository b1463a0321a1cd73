# SPDX-License-Identifier: Apache-2.0
"""What is kept of one run of load: its result, and what happened around it."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.load.budget import ErrorBudget
from mlflow_conformance.load.result import LoadResult


class Band(Strict):
    """A span in which something was done to the deployment, in seconds from the run's start."""

    name: str
    start_s: float
    end_s: float
    detail: str = ""


class Series(Strict):
    """A number that changed in steps while the load ran, such as replicas.

    Each step is a second of the run and the value from then on.
    """

    name: str
    steps: list[tuple[float, float]]


class LoadDocument(Strict):
    """latency.json: all that the latency report shows besides the verdicts.

    `bound_s` is the promised latency that the time line draws. `last_good` is an earlier result of
    the same workload, to compare with.
    """

    schema_version: Literal["2"] = "2"
    result: LoadResult
    budgets: list[ErrorBudget] = Field(default=[])
    bands: list[Band] = Field(default=[])
    series: list[Series] = Field(default=[])
    bound_s: float | None = None
    last_good: LoadResult | None = None

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
