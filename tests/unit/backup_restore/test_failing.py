# SPDX-License-Identifier: Apache-2.0
"""A backup's Job with one thing wrong, and what it says of that."""

import copy
import re
from typing import Any, cast

import pytest
from pydantic import ValidationError

import shipped
from mlflow_conformance.backup_restore.failing import (
    FailedBackup,
    failed_backups,
    with_environment,
    with_fault,
)
from mlflow_conformance.backup_restore.schedule import shortest_deadline_s
from mlflow_conformance.backup_restore.thresholds import Failures, OneFault
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.backups.jobs import Job

FROM_SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}
GOOD: dict[str, Any] = {
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "backup",
                        "env": [
                            {"name": "DATABASE_URI", "valueFrom": FROM_SECRET},
                            {"name": "SCRATCH", "value": "/scratch"},
                        ],
                    }
                ],
                "volumes": [
                    {"name": "tmp", "emptyDir": {}},
                    {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}},
                ],
            }
        }
    }
}
SAYS = re.compile("No backup: .*refused.*")


def _pod(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = job["spec"]["template"]["spec"]
    return found


def test_variables_are_others_and_the_good_job_stays_as_it_is() -> None:
    before = copy.deepcopy(GOOD)
    env = _pod(with_environment(GOOD, {"DATABASE_URI": "x", "AWS_ENDPOINT_URL_S3": "y"}))[
        "containers"
    ][0]["env"]
    assert env == [
        {"name": "SCRATCH", "value": "/scratch"},
        {"name": "DATABASE_URI", "value": "x"},
        {"name": "AWS_ENDPOINT_URL_S3", "value": "y"},
    ]
    assert before == GOOD


def test_a_volume_of_any_kind_becomes_one_without_room() -> None:
    changed = with_fault(GOOD, OneFault(full="scratch", says=SAYS))
    assert _pod(changed)["volumes"] == [
        {"name": "tmp", "emptyDir": {}},
        {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "4Ki"}},
    ]
    assert "ephemeral" in _pod(GOOD)["volumes"][1]


def test_a_job_without_that_volume_shows_nothing() -> None:
    with pytest.raises(Undecided, match="no volume dumps that could be full"):
        with_fault(GOOD, OneFault(full="dumps", says=SAYS))


def test_a_fault_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="nothing would fail"):
        OneFault(says=SAYS)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "No backup: connection refused\n\tIs the server running?\n",
            "No backup: connection refused",
        ),
        ("first\nNo backup\n", "No backup"),
        ("", ""),
    ],
)
def test_the_reason_is_the_line_that_says_it_or_the_last(said: str, why: str) -> None:
    assert FailedBackup(Job("j", "failed", said), 1.0).why(SAYS) == why


class _Cluster:
    """A cluster in which each Job ends as it is told to, or goes on for ever."""

    def __init__(self, ends: dict[str, str]) -> None:
        self.ends = ends
        self.made: list[str] = []

    def apply(self, things: list[dict[str, Any]]) -> None:
        self.made = [thing["metadata"]["name"] for thing in things]

    def get(self, _: str, name: str) -> dict[str, Any]:
        kind = self.ends.get(name)
        conditions = [{"type": kind, "status": "True"}] if kind else []
        return {"status": {"conditions": conditions}}

    def pods(self, _: dict[str, str]) -> list[Any]:
        return []


def test_how_each_ended_is_told_also_when_one_goes_on() -> None:
    good = {
        "metadata": {"namespace": "ns"},
        "spec": {**GOOD["spec"], "template": {"metadata": {}, **GOOD["spec"]["template"]}},
    }
    faults = {
        "database away": OneFault(environment={"DATABASE_URI": "x"}, says=SAYS),
        "disk full": OneFault(full="scratch", says=SAYS),
        "wrong credentials": OneFault(environment={"K": "x"}, says=SAYS),
    }
    names = {"database away": "a", "disk full": "b", "wrong credentials": "c"}
    cluster = _Cluster({"a": "Failed", "b": "Complete"})
    seen = failed_backups(cast(Kube, cluster), good, names, faults, Waiter(0.005))
    assert cluster.made == ["a", "b", "c"]
    assert {way: (s.job.outcome, s.after_s is not None) for way, s in seen.items()} == {
        "database away": ("failed", True),
        "disk full": ("complete", True),
        "wrong credentials": ("unfinished", False),
    }


@pytest.mark.parametrize("name", ["k3d", "eks"])
def test_the_shipped_faults_are_all_kinds(name: str) -> None:
    row = Failures.model_validate(shipped.profile(name).checks["BKP-8"].thresholds)
    assert list(row.faults) == [
        "database away", "object store away", "wrong credentials", "disk full",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("job_s", "pod_s", "shortest"),
    [(None, None, None), (3600, None, 3600), (None, 30, 30), (3600, 30, 30), (20, 30, 20)],
)
def test_the_deadline_of_a_pod_ends_a_backup_as_that_of_its_job_does(
    job_s: int | None, pod_s: int | None, shortest: int | None
) -> None:
    pod: dict[str, Any] = {} if pod_s is None else {"activeDeadlineSeconds": pod_s}
    job: dict[str, Any] = {} if job_s is None else {"activeDeadlineSeconds": job_s}
    assert shortest_deadline_s({**job, "template": {"spec": pod}}) == shortest
