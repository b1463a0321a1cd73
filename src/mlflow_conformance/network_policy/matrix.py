# SPDX-License-Identifier: Apache-2.0
"""Who may reach what, as a profile promises it, held against what probes saw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mlflow_conformance.config.documents import Strict

Service = Literal["mlflow", "postgresql", "postgresql-metrics", "s3"]
Outside = Literal[
    "Ingress", "route", "NodePort", "LoadBalancer", "external address", "port of the node"
]
"""A kind of way from outside of the cluster; a route is one of the Gateway API or of Traefik."""


def _network(cidr: str) -> str:
    ip_network(cidr, strict=False)
    return cidr


class Source(Strict):
    """Where a connection comes from: labels of a pod and of its namespace."""

    namespace: str | None = Field(
        default=None,
        description="a namespace by its name, made for the probe when it does not exist; without "
        "it the probe lives in a namespace of its own that has only `namespace_labels`",
    )
    namespace_labels: dict[str, str] = Field(
        default={}, description="labels of the namespace, when it is not named"
    )
    pod_labels: dict[str, str] = Field(default={}, description="labels of the pod")
    cidr: Annotated[str, AfterValidator(_network)] | None = Field(
        default=None,
        description="addresses outside of the cluster, such as the subnets of a load balancer, in "
        "the place of pods: policies may admit them, and no probe can be made there",
    )
    reaches: list[Service] = Field(
        description="the services that must answer it; every other one must not"
    )

    @model_validator(mode="after")
    def _one_place(self) -> "Source":
        if self.namespace is not None and self.namespace_labels:
            raise ValueError("a source names its namespace or its labels, not both")
        if self.cidr is not None and (self.namespace or self.namespace_labels or self.pod_labels):
            raise ValueError("a source is pods or addresses, not both")
        return self


def probed(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The sources that are pods; at addresses outside of the cluster there is no probe."""
    return {name: source for name, source in sources.items() if source.cidr is None}


class Addresses(Strict):
    """Addresses outside of the cluster, such as those of a store that is elsewhere, and a port."""

    cidr: Annotated[str, AfterValidator(_network)] = Field(description="the addresses")
    port: int = Field(ge=1, le=65535, description="the port there")


class ServicePort(Strict):
    """A Service anywhere in the cluster, by its name, and one of its ports."""

    namespace: str = Field(min_length=1, description="where the Service is")
    service: str = Field(min_length=1, description="its name")
    port: int = Field(ge=1, le=65535, description="one of its ports")


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
