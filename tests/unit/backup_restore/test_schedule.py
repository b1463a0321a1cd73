# SPDX-License-Identifier: Apache-2.0
"""Jobs of a CronJob that hang or failed are told from those that are as they should be."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.backup_restore.schedule import (
    age_s,
    at_most,
    failed_since,
    hanging,
    others_like,
    spellings,
)
from mlflow_conformance.evidence import bounds
from mlflow_conformance.evidence.case import Evidence

NOW = datetime(2026, 1, 25, 2, 10, tzinfo=UTC)
FAILED = {"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-25T02:05:00Z"}
COMPLETE = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-25T02:05:00Z"}


def job(*conditions: dict[str, str], by_hand: bool = False, **spec: Any) -> dict[str, Any]:
    """A Job of ten past two."""
    return {
        "metadata": {
            "name": "j",
            "creationTimestamp": "2026-01-25T02:00:00Z",
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual"} if by_hand else {},
        },
        "spec": {"activeDeadlineSeconds": 3600, **spec},
        "status": {"conditions": list(conditions)},
    }


@pytest.mark.parametrize(
    ("found", "within_s", "told"),
    [
        (job(), 3600, []),
        (job(COMPLETE), 60, []),
        (job(FAILED, activeDeadlineSeconds=None), 60, []),
        (job(), 300, ["j: goes on for 600 s"]),
        (job(activeDeadlineSeconds=None), 3600, ["j: may go on for ever"]),
        (job(activeDeadlineSeconds=90000), 3600, ["j: may go on for 90000"]),
    ],
)
def test_a_job_that_hangs_is_told(found: dict[str, Any], within_s: float, told: list[str]) -> None:
    assert hanging([found], within_s, NOW) == told


def test_only_failures_after_the_last_success_count_and_none_of_people() -> None:
    assert failed_since([job(FAILED)], None) == ["j"]
    assert failed_since([job(FAILED)], "2026-01-25T02:04:00Z") == ["j"]
    assert failed_since([job(FAILED)], "2026-01-25T02:06:00Z") == []
    assert failed_since([job(COMPLETE), job(FAILED, by_hand=True)], None) == []


def test_what_never_was_has_no_age() -> None:
    assert age_s(None, NOW) is None
    assert age_s("2026-01-25T02:09:30Z", NOW) == 30


@pytest.mark.parametrize(
    ("seconds", "outcome"), [(59.9, "holds"), (60.0, "holds"), (60.1, "broken"), (None, "broken")]
)
def test_a_time_that_never_comes_breaks_every_bound(
    seconds: float | None, outcome: str, tmp_path: Path
) -> None:
    evidence = Evidence("BKP-1", "p", tmp_path)
    evidence.expect("one", "one", *at_most(seconds, 60))
    assert bounds.outcome(evidence.observations[0]) == outcome


def cronjob(name: str, command: str = "backup", image: str = "a:1", **spec: Any) -> dict[str, Any]:
    """A CronJob that runs one program."""
    pod = {"containers": [{"image": image, "command": [command]}]}
    template = {"spec": {"template": {"spec": pod}}}
    return {
        "kind": "CronJob",
        "metadata": {"name": name, "uid": name},
        "spec": {"jobTemplate": template, **spec},
    }


def test_another_cronjob_of_the_same_program_is_told() -> None:
    named = cronjob("mine")
    others = [
        cronjob("old"), cronjob("clean-up", "prune"), cronjob("paused", suspend=True),
        cronjob("next", image="a:2"),
    ]  # fmt: skip
    assert others_like([named, *others], named) == ["old"]


@pytest.mark.parametrize(
    ("zone", "spelled", "same"),
    [
        ("Etc/UTC", "UTC", True),
        ("UTC", "Etc/UTC", True),
        ("Etc/UTC", None, False),
        ("Etc/UTC", "Europe/London", False),
        ("Europe/London", "Europe/London", True),
        (None, None, True),
        (None, "Etc/UTC", False),
    ],
)
def test_one_zone_has_several_names(zone: str | None, spelled: str | None, same: bool) -> None:
    assert (spelled in spellings(zone)) is same
