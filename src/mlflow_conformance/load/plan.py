# SPDX-License-Identifier: Apache-2.0
"""One run of load, whole: what every worker needs to know to send its share of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.load import arrivals
from mlflow_conformance.load.arrivals import Arrival, RateStep
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.workload import Workload


class Second(Strict):
    """A server that gets every request that the first one gets, with objects of its own."""

    url: str = Field(description="scheme, host and port, without a trailing slash")
    world: World


class LoadPlan(Strict):
    """What is sent where and when.

    `headers` may hold credentials: a plan's file is private to its owner and is removed after the
    run, and neither records nor results repeat them.
    """

    url: str = Field(description="scheme, host and port, without a trailing slash")
    workload: Workload
    steps: list[RateStep] = Field(min_length=1)
    seed: int
    workers: int = Field(default=1, ge=1, le=1000)
    max_in_flight: int = Field(
        default=4000, ge=1, description="of one worker; an arrival beyond is not sent"
    )
    world: World = World()
    second: Second | None = None
    ca_file: str | None = None
    client_file: str | None = None
    headers: dict[str, str] = Field(default={}, repr=False)

    @model_validator(mode="after")
    def _world_is_there(self) -> Self:
        worlds = [self.world, *([self.second.world] if self.second else [])]
        if self.workload.needs_world and not all(world.run_ids for world in worlds):
            raise ValueError(f"the workload {self.workload.name} needs objects made before it")
        return self

    @property
    def duration_s(self) -> float:
        """From the first planned moment to the end of the last step, seconds."""
        return sum(step.duration_s for step in self.steps)

    def share(self, worker: int) -> Iterator[Arrival]:
        """The arrivals of one worker: every n-th of the whole plan, so that all rates are even."""
        workload, twice = self.workload, self.second is not None
        planned = arrivals.plan(self.steps, workload.arrivals, workload.mix, self.seed, twice=twice)
        for arrival in planned:
            if arrival.number % self.workers == worker:
                yield arrival

    def is_for_second(self, arrival: Arrival) -> bool:
        """Whether an arrival is the second server's, which is the first to be asked half the time.

        Of two arrivals in a row that want the same, each server gets one: A B B A A B B A …
        """
        return self.second is not None and goes_to_second(arrival.number)

    def write(self, path: Path) -> None:
        """Write it where only its owner can read it."""
        path.touch(mode=0o600)
        path.write_text(self.model_dump_json(), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote."""
        return cls.model_validate_json(path.read_bytes())


def goes_to_second(number: int) -> bool:
    """Whether an arrival of a plan for two servers is the second one's, by its place."""
    pair, place = divmod(number, 2)
    return (pair + place) % 2 == 1
