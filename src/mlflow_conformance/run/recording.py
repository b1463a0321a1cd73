# SPDX-License-Identifier: Apache-2.0
"""One check's record, from its first fixture to its last finalizer, kept with pytest's item."""

import traceback

import pytest

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.config.catalogue import CheckInfo
from mlflow_conformance.core.errors import Enough, Undecided, Unusable
from mlflow_conformance.core.waits import Hopeless, TimedOut
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.mlflow import ApiError
from mlflow_conformance.evidence.bounds import outcome
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.model import CheckFinished
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.evidence.verdict import Verdict
from mlflow_conformance.report.words import duration
from mlflow_conformance.run.spending import Spending

VERDICT = "verdict"
"""The property of pytest's report that holds a check's verdict."""
_EVIDENCE = pytest.StashKey[Evidence]()
_PROBLEMS = pytest.StashKey[list[pytest.ExceptionInfo[BaseException]]]()
_SPENDING = pytest.StashKey[Spending]()
_OBSERVATION_FAILURES = (
    Undecided, TimedOut, Hopeless, NoReply, ApiError, InsideFailed, KubeFailed
)  # fmt: skip
_OF_S3 = ("boto3", "botocore", "s3transfer")
"""Programs of MLflow's client; this suite itself speaks to the object store from the runner."""


def id_of(item: pytest.Item) -> str:
    """The ID of the check that a test is."""
    found: str = _marker(item).kwargs["id"]
    return found


def begin(item: pytest.Item, run: Run) -> None:
    """Start the record of a check; what it attaches has nothing that the run's log conceals."""
    check_id = id_of(item)
    row = run.rows[check_id]
    folder = run.folder.path / "attachments"
    item.stash[_SPENDING] = Spending(run.waiter.waits)
    item.stash[_EVIDENCE] = Evidence(
        check_id,
        row.promise,
        folder,
        row.thresholds,
        concealed=run.log.concealed,
        enough=run.enough.get(check_id, ()),
    )
    item.stash[_PROBLEMS] = []


def broke_as_meant(record: CheckFinished, run: Run) -> bool:
    """Whether a check failed by all that a mutant is meant to break: nobody need look into that."""
    meant = run.enough.get(record.id, ())
    broke = {o.id for o in record.observations if outcome(o) == "broken"}
    return bool(meant) and broke.issuperset(meant)


def evidence_of(item: pytest.Item) -> Evidence:
    """What a check fills while it goes on."""
    return item.stash[_EVIDENCE]


def add_part(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Count the time of a part of the check that is over; its finalizers are not cut short."""
    if call.when == "call":
        evidence_of(item).enough = ()
    item.stash[_SPENDING].part(call.when, call.duration)


def add_problem(item: pytest.Item, problem: pytest.ExceptionInfo[BaseException]) -> None:
    """Keep an exception that ended the check, one of its fixtures or one of its finalizers."""
    if not isinstance(problem.value, Enough):
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
        spent=item.stash[_SPENDING].so_far(),
    )


def status(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """What pytest counts a check as, and its word; no letter, since `progress` has its place."""
    verdict = str(dict(report.user_properties).get(VERDICT, ""))
    if not verdict or not (report.when == "call" or report.failed):
        return None
    colour = {"pass": "green", "fail": "red"}.get(verdict, "yellow")
    return report.outcome, "", (verdict, {colour: True})


def progress(item: pytest.Item, following: pytest.Item | None, verdict: Verdict) -> str:
    """A line for a person who waits: which check of how many ended, how, and what is next."""
    items = item.session.items
    spent = item.stash[_SPENDING].so_far()
    took = duration(spent.setup_s + spent.call_s + spent.teardown_s)
    then = f"; next is {id_of(following)}" if following else ""
    return f"[{items.index(item) + 1:2d}/{len(items)}] {id_of(item)}: {verdict} after {took}{then}"


def _marker(item: pytest.Item) -> pytest.Mark:
    marker = item.get_closest_marker("check")
    assert marker is not None, "only checks are left among the items"
    return marker
