# SPDX-License-Identifier: Apache-2.0
"""Manifests of any program are read, sequences held against two moments, new writes made."""

import json
from typing import Any

import pytest

from mlflow_conformance.backup_restore.afterwards import new_writes
from mlflow_conformance.backup_restore.database import Fingerprint
from mlflow_conformance.backup_restore.sameness import outside, unwritten
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.target.backups.store import Manifest, comparable

BEFORE = Fingerprint({"runs": (1, "1:1"), "tags": (1, "2:2")}, {"a_seq": 3, "new_seq": None})
AFTER = Fingerprint({"runs": (2, "3:3"), "tags": (1, "2:2")}, {"a_seq": 5, "new_seq": None})
ALL = {"content": {"runs": "1:1"}, "sequences": {"a_seq": None}, "structure": {"columns": "d"}}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, []),
        (ALL, ["content", "sequences", "structure"]),
        ({"content": ["runs"], "sequences": "3", "structure": {"columns": 1}}, []),
    ],
)
def test_a_manifest_tells_what_it_tells(more: dict[str, Any], told: list[str]) -> None:
    contents = {"revision": "r", "rows": {"runs": 1}, "created": "2026", **more}
    text = json.dumps({"schema": 7, "name": "n", "sha256": "s", "bytes": 1, "contents": contents})
    manifest = Manifest.model_validate_json(text)
    assert manifest.contents.rows == {"runs": 1}
    assert manifest.contents.told == told


def test_only_digests_that_are_made_alike_are_compared() -> None:
    assert comparable({"runs": "-12:34", "tags": "d41d8cd98f00b204"}) == {"runs": "-12:34"}
    assert comparable(None) == {}


def test_tables_that_nobody_wrote_are_those_that_are_the_same() -> None:
    assert unwritten(BEFORE, AFTER) == {"tags": "2:2"}


@pytest.mark.parametrize(
    ("sequences", "told"),
    [
        ({"a_seq": 3, "new_seq": None}, []),
        ({"a_seq": 5, "new_seq": None}, []),
        ({"a_seq": 2, "new_seq": None}, ["a_seq: 2, not from 3 to 5"]),
        ({"a_seq": 6, "new_seq": None}, ["a_seq: 6, not from 3 to 5"]),
        ({"a_seq": None, "new_seq": None}, ["a_seq: None, not from 3 to 5"]),
        ({"a_seq": 4, "new_seq": 1}, ["new_seq: 1, not from None to None"]),
        ({"a_seq": 4}, ["new_seq: None, not from None to None"]),
    ],
)
def test_a_sequence_stands_where_it_stood(
    sequences: dict[str, int | None], told: list[str]
) -> None:
    assert outside(sequences, BEFORE, AFTER) == told


class Server:
    """An MLflow that keeps what it is told in this process."""

    def __init__(self, refuse: str = "", forget: str = "") -> None:
        """Refuse the calls that end so, and forget the fields of that name."""
        self.refuse, self.forget = refuse, forget
        self.calls: list[str] = []
        self.data: dict[str, list[Any]] = {"metrics": [], "params": [], "tags": []}
        self.stored = b""

    def send(self, method: str, url: str, **sent: Any) -> Reply:
        """Answer."""
        call = url.partition("?")[0].removeprefix("http://m/api/2.0/")
        self.calls.append(f"{method} {call}")
        if self.refuse and call.endswith(self.refuse):
            return Reply(400, {}, b'{"error_code": "RESOURCE_ALREADY_EXISTS", "message": "m"}', 0)
        if call.startswith("mlflow-artifacts"):
            self.stored = sent["body"] if method == "PUT" else self.stored
            return Reply(200, {}, b"{}" if method == "PUT" else self.stored, 0)
        kind = {"log-metric": "metrics", "log-parameter": "params", "set-tag": "tags"}.get(
            call.rpartition("/")[2]
        )
        if kind and kind != self.forget:
            self.data[kind].append(json.loads(sent["body"]))
        info = {"run_id": "r", "artifact_uri": "mlflow-artifacts:/1/r/artifacts"}
        answer = {
            "experiment_id": "1",
            "run": {"info": info, "data": self.data},
            "registered_model": {"name": "n"},
            "model_version": {"version": "1", "run_id": "r"},
        }
        return Reply(200, {}, json.dumps(answer).encode(), 0)


def test_everything_is_written_read_back_and_removed() -> None:
    server = Server()
    assert new_writes(MlflowApi("http://m", server.send, {}), "n") == []
    assert server.calls[-3:] == [
        "DELETE mlflow-artifacts/artifacts/1/r/artifacts/mlc.after.txt",
        "DELETE mlflow/registered-models/delete",
        "POST mlflow/experiments/delete",
    ]


def test_what_is_refused_or_forgotten_is_told() -> None:
    refused = Server(refuse="experiments/create")
    told = new_writes(MlflowApi("http://m", refused.send, {}), "n")
    assert told == ["experiments/create: HTTP 400 RESOURCE_ALREADY_EXISTS m"]
    assert len(refused.calls) == 1
    forgetful = Server(forget="tags")
    assert new_writes(MlflowApi("http://m", forgetful.send, {}), "n") == ["tag: None, not 1"]


def test_a_server_that_is_gone_is_told_once() -> None:
    def gone(*_: Any, **__: Any) -> Reply:
        raise NoReply("refused", "connection refused", 0)

    (told,) = new_writes(MlflowApi("http://m", gone, {}), "n")
    assert "connection refused" in told
