# SPDX-License-Identifier: Apache-2.0
"""A new version that refuses to show what was written has not kept it."""

from collections.abc import Sequence
from typing import Any

import pytest

from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.upgrade.kept import traces_kept
from mlflow_conformance.upgrade.traces import Traces
from senders import Always

TRACES = Traces("label", "1")


class _Stored(Sql):
    """A database that has every trace that it is asked for."""

    def __init__(self) -> None:
        pass

    def column(self, statement: str, *values: Any) -> list[Any]:
        found: Sequence[Any] = values[0]
        return list(found)


def test_a_search_that_is_refused_is_broken_and_the_database_is_still_asked() -> None:
    taken = [Operation("w", "l", "trace", turn, 0, 1, "acknowledged") for turn in range(3)]
    said = {"error_code": "BAD_REQUEST", "message": "column does not\nexist"}
    api = MlflowApi("http://x", Always(400, said), {})
    kept = {k.door: k for k in traces_kept(taken, TRACES, api, _Stored()) if k.kind == "trace"}
    assert kept["sql"].broken == []
    for door in ("mlflow by name", "mlflow by session"):
        assert not kept[door].holds
        assert kept[door].broken == [
            f"{door}, trace: refused: traces/search: HTTP 400 BAD_REQUEST column does not exist"
        ]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}, "3 lost"),
        (400, {"error_code": "X"}, "refused: traces/get: HTTP 400 X"),
    ],
)
def test_a_trace_is_opened_or_gone_or_refused(status: int, body: object, told: str) -> None:
    taken = [Operation("w", "l", "span", turn, 0, 1, "acknowledged") for turn in range(3)]
    api = MlflowApi("http://x", Always(status, body), {})
    [opened] = [k for k in traces_kept(taken, TRACES, api, _Stored()) if k.door == "mlflow, opened"]
    assert opened.broken == [f"mlflow, opened, span: {told}"]
