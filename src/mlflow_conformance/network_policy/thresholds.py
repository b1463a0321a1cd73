# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of network policy, as a profile's rows write them down."""

from pydantic import Field

from mlflow_conformance.config.thresholds import Registry, Thresholds
from mlflow_conformance.network_policy.matrix import Addresses, Outside, ServicePort, Source


class Sources(Thresholds):
    """NET-2."""

    sources: dict[str, Source] = Field(
        min_length=1, description="where connections come from, by a name for people"
    )


class WaysIn(Sources):
    """NET-1."""

    outside: list[Outside] = Field(
        description="kinds of ways by which MLflow may be reached from outside of the cluster"
    )


class Egress(Thresholds):
    """NET-3."""

    allowed: dict[str, ServicePort] = Field(
        description="what MLflow must reach besides its stores, by name"
    )
    addresses: dict[str, Addresses] = Field(
        description="addresses outside of the cluster that policies may let MLflow reach, such as "
        "those of a store that is elsewhere, by name; whether they answer is not tried"
    )
    denied: dict[str, ServicePort] = Field(
        min_length=1, description="what a pod without policies reaches and MLflow must not, by name"
    )


class Answers(Sources):
    """NET-4."""

    unlisted_port: int = Field(
        ge=1, le=65535, description="a port that no policy admits, tried at every pod"
    )
    allowed_within_s: float = Field(
        gt=0, description="time in which an allowed connection is answered, seconds"
    )
    attempts: int = Field(ge=1, description="connections to each allowed destination")


class Birth(Sources):
    """NET-5."""

    attempt_timeout_s: float = Field(
        gt=0, description="time after which a connection counts as denied, seconds"
    )
    watch_s: float = Field(
        gt=0, description="time for which a new denied pod tries to connect, seconds"
    )


THRESHOLDS: Registry = {
    "NET-0": Thresholds,
    "NET-1": WaysIn,
    "NET-2": Sources,
    "NET-3": Egress,
    "NET-4": Answers,
    "NET-5": Birth,
}
