# SPDX-License-Identifier: Apache-2.0
"""A restore after which the database refuses its readers did not bring back who may read it."""

from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import JsonValue

from mlflow_conformance.backup_restore.judging import expect_readable
from mlflow_conformance.backup_restore.rehearsal import Rehearsal
from mlflow_conformance.backup_restore.restored import Restored, restored_state
from mlflow_conformance.doors.inside import InsideFailed, LocalInside
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.verdict import Verdict, judge_check
from mlflow_conformance.ledger.snapshot import check_snapshot
from mlflow_conformance.target.backups.jobs import Job
from mlflow_conformance.target.backups.making import Restore

DONE = Restore(
    line="", job=Job("r", "complete", ""), token="t", seconds=1.0, last_answer="restored",
    unanswered=[], pattern={},
)  # fmt: skip


class _Rehearsal:
    """A rehearsal in which nothing was written."""

    experiment = "1"

    def held_against(self, present: list[str]) -> Any:
        return check_snapshot([], present, began_ns=0, ended_ns=0)


def _restored(kind: str, says: str) -> Restored:
    """What there is when the driver raises an exception of this name for every statement."""

    def fails(**_: Any) -> JsonValue:
        raise type(kind, (Exception,), {})(says)

    sql = Sql(LocalInside({"sql": fails}), {})
    return restored_state(sql, cast(Rehearsal, _Rehearsal()), DONE)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("OperationalError", 'connection failed: FATAL:  permission denied for database "mlflow"'),
        ("InsufficientPrivilege", "permission denied for table tags"),
        ("UndefinedTable", 'relation "runs" does not exist'),
    ],
)
def test_readers_that_are_shut_out_are_a_broken_promise(
    kind: str, says: str, tmp_path: Path
) -> None:
    restored = _restored(kind, says)
    assert restored.proven(cast(Any, None)).startswith("the database does not show")
    evidence = Evidence("BKP-5", "p", tmp_path)
    assert not expect_readable(evidence, restored)
    record = evidence.finished(
        title="t", nodeid="n", impact="i", remedy="r", undecided=None, error=None
    )
    verdict, reason = judge_check(record)
    assert verdict is Verdict.FAIL
    assert "does not exist" in reason or "permission denied" in reason


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("OperationalError", "connection failed: FATAL:  the database system is starting up"),
        ("OperationalError", "connection failed: Connection refused"),
        ("TimeoutError", "no answer"),
    ],
)
def test_a_database_that_does_not_answer_tells_nothing(kind: str, says: str) -> None:
    with pytest.raises(InsideFailed):
        _restored(kind, says)
