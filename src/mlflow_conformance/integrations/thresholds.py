# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of integrations, as a profile's rows write them down."""

from typing import Annotated

from pydantic import Field

from mlflow_conformance.config.thresholds import Registry, Seconds, Thresholds


class Trained(Thresholds):
    """INT-1."""

    report_bytes: int = Field(
        ge=1,
        le=65536,
        description="size of the artifact that the workflow is given and stores, bytes",
    )


class Deployed(Thresholds):
    """INT-1.event."""

    cache_s: Seconds = Field(
        description="time after which no replica has an older list of webhooks, seconds: more than "
        "MLFLOW_WEBHOOK_CACHE_TTL"
    )
    starts_s: float = Field(
        gt=0, description="most from what is done in the registry until its workflow is there, s"
    )
    old_s: float = Field(
        ge=600, description="age of an event that is rightly signed and no longer taken, seconds"
    )


class ServedVersion(Thresholds):
    """INT-2."""

    questions: int = Field(
        ge=2, le=1000, description="how many questions each version has an answer to, all random"
    )


class CanaryVersion(ServedVersion):
    """INT-2.canary."""

    share: float = Field(ge=0.01, le=0.5, description="share of requests that the canary gets")
    requests: int = Field(ge=100, le=5000, description="requests of which that share is counted")
    doubt: float = Field(
        gt=0,
        le=0.01,
        description="share of all runs in which a canary that gets its share is found not to",
    )
    around: int = Field(
        ge=20,
        le=5000,
        description="requests before the canary gets its share, and after it gave it back",
    )


class TracedProgram(Thresholds):
    """INT-3."""

    params: dict[str, str] = Field(min_length=1, description="params that the program logs")
    metrics: dict[str, float] = Field(min_length=1, description="metrics that it logs")
    requests: dict[str, Annotated[int, Field(ge=1)]] = Field(
        min_length=1,
        description="requests of the run that its trace holds, by the call, such as `runs/create`; "
        "others may be in it",
    )
    arrives_s: float = Field(
        gt=0, description="most from the program's end until its trace is whole, s"
    )


THRESHOLDS: Registry = {
    "INT-1": Trained,
    "INT-1.event": Deployed,
    "INT-2": ServedVersion,
    "INT-2.canary": CanaryVersion,
    "INT-3": TracedProgram,
}
