# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of registry, as a profile's rows write them down."""

from typing import Self

from pydantic import Field, model_validator

from mlflow_conformance.config.thresholds import Registry, Seconds, Thresholds


class VersionWriters(Thresholds):
    """REG-1."""

    writers: int = Field(ge=2, description="writers at the same time")
    versions: int = Field(ge=2, description="versions that are registered, by all writers together")
    refused: int = Field(
        ge=0, description="registrations that may be refused, or get no answer, of all"
    )

    @model_validator(mode="after")
    def _every_writer_writes(self) -> Self:
        if self.versions < self.writers:
            raise ValueError("versions: every writer registers one at least")
        return self


class Races(Thresholds):
    """REG-2.archive."""

    races: int = Field(ge=0, description="times that two versions are promoted at the same moment")


class Receiving(Thresholds):
    """What a check needs that lets MLflow deliver webhooks to a receiver of its own."""

    port: int = Field(
        ge=1,
        le=65535,
        description="port of the receiver in the runner, which the network policies must admit",
    )
    cache_s: Seconds = Field(
        description="time after which no replica has an older list of webhooks, seconds: more than "
        "MLFLOW_WEBHOOK_CACHE_TTL"
    )


class Webhooks(Receiving):
    """REG-6."""

    quiet_s: Seconds = Field(
        description="time without another delivery after which all are taken to be in, seconds"
    )


class LateWebhooks(Receiving):
    """REG-6.late."""

    late_s: Seconds = Field(
        description="time after its delivery in which an event may not come again, seconds"
    )


THRESHOLDS: Registry = {
    "REG-1": VersionWriters,
    "REG-2": Thresholds,
    "REG-2.archive": Races,
    "REG-3": Thresholds,
    "REG-4": Thresholds,
    "REG-5": Thresholds,
    "REG-6": Webhooks,
    "REG-6.late": LateWebhooks,
}
