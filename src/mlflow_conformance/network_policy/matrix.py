# SPDX-License-Identifier: Apache-2.0
"""Who may reach what, as a profile promises it, held against what probes saw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Service = Literal["mlflow", "postgresql", "postgresql-metrics", "s3"]


class Source(BaseModel):
    """Where a connection comes from: labels of a pod and of its namespace.

    Attributes:
        namespace: a namespace by its name; one that does not exist is made for the probe. Without
            it the probe lives in a namespace of its own that has only `namespace_labels`.
        reaches: the services that must answer it; every other one must not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str | None = None
    namespace_labels: dict[str, str] = Field(default={})
    pod_labels: dict[str, str] = Field(default={})
    reaches: list[Service]

    @model_validator(mode="after")
    def _one_namespace(self) -> "Source":
        if self.namespace is not None and self.namespace_labels:
            raise ValueError("a source names its namespace or its labels, not both")
        return self


@dataclass(frozen=True)
class Destination:
    """One address and port of a service.

    Attributes:
        name: for people, e.g. ``mlflow service`` or ``postgresql pod mlflow-postgresql-0``.
        say: what a client sends first, so that an answer proves more than an open port.
    """

    name: str
    service: str
    host: str
    port: int
    say: str = ""


@dataclass(frozen=True)
class Cell:
    """What one source saw of one destination, attempt after attempt."""

    source: str
    destination: Destination
    allowed: bool
    outcomes: Sequence[str]
    elapsed_s: Sequence[float]

    @property
    def wrong(self) -> str | None:
        """How the cell breaks the promise, or None.

        An allowed connection must be open in the last attempt: a policy takes a moment to reach
        every node. A denied one must time out in every attempt: open once is open.
        """
        if self.allowed:
            if self.outcomes[-1] == "open":
                return None
            return f"{self.source} must reach {self.destination.name}: {self.outcomes[-1]}"
        others = [outcome for outcome in self.outcomes if outcome != "timeout"]
        if not others:
            return None
        return f"{self.source} must not reach {self.destination.name}: {others[0]}"

    def __str__(self) -> str:
        return f"{self.outcomes[-1]} {self.elapsed_s[-1] * 1000:.0f} ms"


@dataclass
class Matrix:
    """Every source against every destination."""

    sources: Mapping[str, Source]
    destinations: Sequence[Destination]
    _seen: dict[tuple[str, str], list[tuple[str, float]]] = field(default_factory=dict)

    def record(self, source: str, replies: Iterable[tuple[Destination, str, float]]) -> None:
        """Add one attempt per destination."""
        for destination, outcome, elapsed_s in replies:
            self._seen.setdefault((source, destination.name), []).append((outcome, elapsed_s))

    @property
    def cells(self) -> list[Cell]:
        """All cells that were tried, source by source."""
        return [
            Cell(
                name,
                destination,
                destination.service in source.reaches,
                [outcome for outcome, _ in seen],
                [elapsed for _, elapsed in seen],
            )
            for name, source in self.sources.items()
            for destination in self.destinations
            if (seen := self._seen.get((name, destination.name)))
        ]

    @property
    def rounds(self) -> int:
        """How many attempts the cell with the most of them took."""
        return max((len(seen) for seen in self._seen.values()), default=0)

    @property
    def unsettled(self) -> list[str]:
        """Sources with an allowed cell that is not open yet."""
        return sorted({c.source for c in self.cells if c.allowed and c.wrong})

    def table(self) -> dict[str, dict[str, str]]:
        """The last attempt of every cell, for the evidence."""
        rows: dict[str, dict[str, str]] = {}
        for cell in self.cells:
            rows.setdefault(cell.source, {})[cell.destination.name] = str(cell)
        return rows
