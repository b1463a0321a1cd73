# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of backup and restore, as a profile's rows write them down."""

from re import Pattern
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlflow_conformance.backup_restore.retention import Rule
from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Count, Registry, Seconds, Thresholds

Damage = Literal[
    "truncated",
    "empty",
    "flipped",
    "manifest of another",
    "cut at a line",
    "foreign key",
    "newer schema",
]
"""What is wrong with a backup that no restore may take; see `forge.Bench.forge`."""


class Schedule(Thresholds):
    """BKP-1."""

    schedule: str = Field(min_length=1, description="when backups are made, as cron writes it")
    time_zone: Annotated[str, Field(min_length=1)] | None = Field(
        description="the time zone that this is in, by any of its names; null for a CronJob that "
        "names none, and so means the one of its controller"
    )
    concurrency: Literal["Forbid", "Replace", "Allow"] = Field(
        description="what becomes of a backup while another one goes on"
    )
    history: int = Field(
        ge=1, description="Jobs that are kept, of those that succeeded and of those that failed"
    )
    made_up_within_s: Seconds = Field(
        description="time within which a backup that was missed is made up for, seconds, at least"
    )
    active_within_s: Seconds = Field(
        description="how long a backup's Job may go on, before it is ended, seconds"
    )
    active_for_s: Seconds = Field(
        description="how long a backup's Job may go on in any case, seconds: one that is ended "
        "sooner is none once there is more in the database"
    )
    newest_within_s: Seconds | None = Field(
        description="age of the newest good backup, and of the last Job that succeeded, seconds; "
        "null where the cluster is made for the run and no schedule has come true yet"
    )


class Manual(Thresholds):
    """BKP-1.manual."""

    within_s: Seconds = Field(description="duration of a backup by the documented line, seconds")


class Meanwhile(Thresholds):
    """BKP-7."""

    writes: int = Field(
        ge=20, description="writes that must have been acknowledged before it, and while it is made"
    )
    failed: Count = Field(description="most writes that may fail while it is made")
    slower: float = Field(
        ge=1, description="most that the 95th percentile may be of the one before it, as a ratio"
    )
    unnoticed_s: Seconds = Field(
        description="a 95th percentile that nobody complains of, seconds, whatever it was before"
    )
    longest_s: Seconds = Field(description="most that any write may take meanwhile, seconds")


class Manifested(Thresholds):
    """BKP-2.manifest."""

    told: list[Literal["content", "sequences", "structure"]] = Field(
        description="what a manifest tells of the database besides the rows of its tables; empty "
        "for a program that counts them alone"
    )


class Sealed(Thresholds):
    """BKP-4."""

    text_bytes: int = Field(
        ge=1,
        description="text of one letter that is stored before the backup, so that also a small one "
        "can be compressed, bytes",
    )
    share: float = Field(gt=0, le=1, description="size of a backup, as a part of all rows as text")
    words: list[str] = Field(
        min_length=1, description="words of a dump, none of which is in a backup"
    )
    entropy: float = Field(
        gt=0, le=8, description="entropy of a backup's bytes, bits for each, at least"
    )
    encryption: str = Field(
        min_length=1, description="how the object store encrypts it, as S3 names that"
    )
    key_id: Pattern[str] = Field(
        description="regular expression that the key's ID matches as a whole"
    )


class Retention(Thresholds):
    """BKP-3."""

    rule: Rule = Field(description="how long backups stay")
    failing_environment: dict[str, str] = Field(
        min_length=1, description="environment in which a backup fails, by the variables' names"
    )


class OneFault(Strict):
    """What is wrong for one backup alone: variables of its Job, or a volume that is full."""

    environment: dict[str, str] = Field(
        default={}, description="environment in which it fails, by the variables' names"
    )
    full: str | None = Field(
        default=None, description="name of the volume of its pod that has no room"
    )
    says: Pattern[str] = Field(
        description="regular expression that a line of its log matches as a whole: why it failed"
    )

    @model_validator(mode="after")
    def _is_one(self) -> "OneFault":
        if not (self.environment or self.full):
            raise ValueError("neither `environment` nor `full`: nothing would fail")
        return self


class Failures(Thresholds):
    """BKP-8."""

    fails_within_s: Seconds = Field(
        description="time within which a backup that cannot be made is a failed Job, seconds"
    )
    faults: dict[
        Literal["database away", "object store away", "wrong credentials", "disk full"],
        OneFault,
    ] = Field(min_length=1, description="by what is wrong: how a backup is made to fail")


class RecoveryTime(Thresholds):
    """BKP-5.empty and BKP-5.namespace."""

    rto_s: Seconds = Field(
        description="time from the documented line until MLflow answers from restored data, seconds"
    )


class Many(RecoveryTime):
    """BKP-6.many."""

    runs: int = Field(ge=1, description="runs before the backup, at least")


class Recovery(Many):
    """BKP-6."""

    writers: int = Field(ge=1, description="clients that write while the backup is made")
    age_s: Seconds = Field(
        description="age of the newest acknowledged write in a backup when the backup is complete, "
        "seconds"
    )
    rpo_s: Seconds = Field(
        description="recovery point: the longest time that the schedule leaves between two backups "
        "and that age, seconds"
    )


class Refusals(Thresholds):
    """BKP-2."""

    refusals: dict[Damage, Pattern[str]] = Field(
        min_length=1,
        description="by the kind of damage: regular expression that matches, as a whole, what the "
        "restore's Job says at last",
    )


class HalfWay(Thresholds):
    """BKP-9."""

    program: Pattern[str] = Field(
        description="regular expression that the command line of the program matches which "
        "restores, and no earlier one; its last argument is the dump"
    )
    killed_at_share: float = Field(
        gt=0, lt=1, description="part of the dump that it has read when it is killed"
    )
    runs_since: int = Field(ge=1, description="runs that are made since the last restore")


THRESHOLDS: Registry = {
    "BKP-1": Schedule,
    "BKP-1.manual": Manual,
    "BKP-7": Meanwhile,
    "BKP-1.schedule": Thresholds,
    "BKP-2": Refusals,
    "BKP-2.manifest": Manifested,
    "BKP-3": Retention,
    "BKP-4": Sealed,
    "BKP-5": Thresholds,
    "BKP-5.empty": RecoveryTime,
    "BKP-5.namespace": RecoveryTime,
    "BKP-6": Recovery,
    "BKP-6.many": Many,
    "BKP-8": Failures,
    "BKP-9": HalfWay,
}
