# SPDX-License-Identifier: Apache-2.0
"""One check's record, from its first fixture to its last finalizer, kept with pytest's item."""

import traceback
from pathlib import Path

import pytest

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.config.catalogue import CheckInfo
from mlflow_conformance.config.profile import Row
from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.core.waits import Hopeless, TimedOut
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.mlflow import ApiError
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import CheckFinished

_EVIDENCE = pytest.StashKey[Evidence]()
_PROBLEMS = pytest.StashKey[list[pytest.ExceptionInfo[BaseException]]]()
_OBSERVATION_FAILURES = (
    Undecided, TimedOut, Hopeless, NoReply, ApiError, InsideFailed, KubeFailed
)  # fmt: skip
_OF_S3 = ("boto3", "botocore", "s3transfer")
"""Programs of MLflow's client; this suite itself speaks to the object store from the runner."""


def id_of(item: pytest.Item) -> str:
    """The ID of the check that a test is."""
    found: str = _marker(item).kwargs["id"]
    return found


def begin(item: pytest.Item, row: Row, folder: Path, log: EvidenceLog) -> None:
    """Start the record of a check.

    Args:
        folder: where the check's attachments go, without what the log conceals.
    """
    item.stash[_EVIDENCE] = Evidence(
        id_of(item), row.promise, folder, row.thresholds, concealed=log.concealed
    )
    item.stash[_PROBLEMS] = []


def evidence_of(item: pytest.Item) -> Evidence:
    """What a check fills while it goes on."""
    return item.stash[_EVIDENCE]


def add_problem(item: pytest.Item, problem: pytest.ExceptionInfo[BaseException]) -> None:
    """Keep an exception that ended the check, one of its fixtures or one of its finalizers."""
    item.stash[_PROBLEMS].append(problem)


def record_of(item: pytest.Item, info: CheckInfo) -> CheckFinished:
    """The record as it stands; exceptions that tell of observation make it undecided."""
    marker = _marker(item)
    undecided, errors = None, []
    for problem in item.stash[_PROBLEMS]:
        if isinstance(problem.value, Undecided):
            undecided = undecided or problem.value.reason
        elif isinstance(problem.value, pytest.skip.Exception):
            undecided = undecided or f"skipped: {problem.value.msg}"
        elif isinstance(problem.value, KeyboardInterrupt):
            undecided = undecided or "the run was stopped while this check went on"
        elif isinstance(problem.value, _OBSERVATION_FAILURES):
            undecided = undecided or f"{type(problem.value).__name__}: {problem.value}"
        elif isinstance(problem.value, Unusable):
            undecided = undecided or str(problem.value)
        elif type(problem.value).__module__.split(".")[0] in _OF_S3:
            undecided = undecided or (
                "MLflow sent its client on to the object store, which that client cannot use from "
                f"here ({problem.value}): this needs artifacts that MLflow serves itself"
            )
        else:
            errors.append("".join(traceback.format_exception(problem.value)))
    return item.stash[_EVIDENCE].finished(
        title=info.title,
        nodeid=item.nodeid,
        impact=marker.kwargs["impact"],
        remedy=marker.kwargs["remedy"],
        undecided=undecided,
        error="\n".join(errors) or None,
    )


def _marker(item: pytest.Item) -> pytest.Mark:
    marker = item.get_closest_marker("check")
    assert marker is not None, "only checks are left among the items"
    return marker
