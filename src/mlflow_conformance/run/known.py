# SPDX-License-Identifier: Apache-2.0
"""What this program knows of its checks: the form of each one's thresholds, and of a profile."""

from collections.abc import Collection
from datetime import UTC, date, datetime

from mlflow_conformance.artifacts import thresholds as artifacts
from mlflow_conformance.autoscaling import thresholds as autoscaling
from mlflow_conformance.backup_restore import thresholds as backup_restore
from mlflow_conformance.config import assets
from mlflow_conformance.config.documents import Document
from mlflow_conformance.config.profile import LoadedProfile, Profile, examine, load
from mlflow_conformance.config.thresholds import Registry
from mlflow_conformance.disruption import thresholds as disruption
from mlflow_conformance.integrations import thresholds as integrations
from mlflow_conformance.latency import thresholds as latency
from mlflow_conformance.network_policy import thresholds as network_policy
from mlflow_conformance.observability import thresholds as observability
from mlflow_conformance.operations import thresholds as operations
from mlflow_conformance.registry import thresholds as registry
from mlflow_conformance.security import thresholds as security
from mlflow_conformance.tracking import thresholds as tracking
from mlflow_conformance.upgrade import thresholds as upgrade

_FAMILIES = (
    tracking,
    registry,
    artifacts,
    network_policy,
    security,
    backup_restore,
    autoscaling,
    disruption,
    latency,
    upgrade,
    observability,
    operations,
    integrations,
)


def thresholds() -> Registry:
    """The model of every check's thresholds, by the check's ID."""
    return {check_id: model for f in _FAMILIES for check_id, model in f.THRESHOLDS.items()}


def promised(
    profile: str, known_ids: Collection[str], *, today: date | None = None
) -> LoadedProfile:
    """A profile by its name or the path of its file, as it counts on a day (UTC); default: today.

    Raises:
        Unusable: there is none, or anything in it is not as it must be.
    """
    return load(
        assets.profile_path(profile),
        known_ids=known_ids,
        thresholds=thresholds(),
        today=today or datetime.now(UTC).date(),
    )


def examined(profile: str, known_ids: Collection[str]) -> Document[Profile]:
    """Everything that is wrong today in a profile by its name or the path of its file.

    Raises:
        Unusable: there is none, or it cannot be read.
    """
    return examine(
        assets.profile_path(profile),
        known_ids=known_ids,
        thresholds=thresholds(),
        today=datetime.now(UTC).date(),
    )


def idle_bounds(profile: Profile) -> list[str]:
    """Bounds of a profile that can never be the one that breaks, each with why, in its order."""
    models = thresholds()
    return [
        f"{check_id}: {why}"
        for check_id, row in profile.checks.items()
        if check_id in models
        for why in models[check_id].model_validate(row.thresholds).idle()
    ]
