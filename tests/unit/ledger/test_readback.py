# SPDX-License-Identifier: Apache-2.0
"""A door that refuses one kind of write says so, and hides nothing that the others show."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.mlflow import MlflowApi, NewRun
from mlflow_conformance.doors.s3 import Bucket, Digest
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.readback import read_back
from mlflow_conformance.ledger.writers import KINDS, Writers, content_of, digest_of, value_of
from mlflow_conformance.ledger.writes_kept import WritesKept, wrong_with

STORE = NewRun("s", "mlflow-artifacts:/1/s/artifacts")
WRITTEN = [
    *(Operation("w", "r", "add", n, 0, 1, "acknowledged") for n in range(2)),
    *(
        Operation("w", "s", kind, n, 0, 1, "acknowledged")
        for kind in KINDS
        if kind != "add"
        for n in range(2)
    ),
]
REFUSED = {
    "metrics/get-history": "add",
    "mlflow-artifacts/": "put",
    "registered-models/get": "alias",
    "model-versions/search": "version",
}
"""What is asked for each kind alone."""


@dataclass(frozen=True)
class _Made:
    """What `Writers` made."""

    runs: Sequence[NewRun] = (NewRun("r", "mlflow-artifacts:/1/r/artifacts"),)
    store: NewRun = STORE
    model: str = "m"


@dataclass
class _Server:
    """Shows everything, but for what a call that contains `part` asks for, as `say` answers it."""

    part: str = "nothing"
    say: Callable[[int], Reply] = lambda _: Reply(400, {}, b"{}", 0)
    asked: list[str] = field(default_factory=list)

    def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None,
        timeout_s: float,
    ) -> Reply:  # fmt: skip
        self.asked.append(url)
        if self.part in url:
            return self.say(sum(self.part in each for each in self.asked))
        return Reply(200, {}, self._shown(url), 0)

    def _shown(self, url: str) -> bytes:
        named = [{"key": f"turn-{n}", "value": str(n)} for n in range(2)]
        answers: dict[str, Any] = {
            "get-history": {"metrics": [{"step": n, "value": value_of(n)} for n in range(2)]},
            "runs/get": {"run": {"data": {"params": named, "tags": named}}},
            "registered-models/get": {
                "registered_model": {
                    "aliases": [{"alias": f"turn-{n}", "version": "1"} for n in range(2)]
                }
            },
            "model-versions/search": {"model_versions": [{"description": f"{n}"} for n in "01"]},
        }
        for part, answer in answers.items():
            if part in url:
                return json.dumps(answer).encode()
        return content_of(int(url.rpartition("/")[2].removesuffix(".txt")))


class _Database(Sql):
    def __init__(self, *, breaks: bool = False) -> None:
        self._breaks = breaks

    def rows(self, query: str, *_: Any) -> list[list[Any]]:
        if self._breaks:
            raise InsideFailed("sql: UndefinedTable: relation does not exist")
        if "FROM metrics" in query:
            return [["r", n, value_of(n)] for n in range(2)]
        if "aliases" in query:
            return [[f"turn-{n}", "1"] for n in range(2)]
        return [[f"turn-{n}", str(n)] for n in range(2)]


class _Store(Bucket):
    def __init__(self) -> None:
        super().__init__(cast(Any, None), {"bucket": "b"}, "")

    def digests(self, keys: Sequence[str]) -> dict[str, Digest | None]:
        return {key: Digest(digest_of(n), 1) for n, key in enumerate(sorted(keys))}


def _read(server: _Server, sql: Sql | None = None) -> list[WritesKept]:
    api = MlflowApi("http://x", server, {})
    return read_back(WRITTEN, cast(Writers, _Made()), api, sql or _Database(), _Store())


def _error(status: int, code: str, message: str) -> Reply:
    body = json.dumps({"error_code": code, "message": message}).encode()
    return Reply(status, {}, body, 0)


def test_every_door_shows_every_kind_that_it_has() -> None:
    kept = _read(_Server())
    assert wrong_with(kept) == ([], "")
    assert {(k.door, k.kind) for k in kept} == {
        *(("mlflow", kind) for kind in KINDS),
        *(("sql", kind) for kind in KINDS if kind != "put"),
        ("bucket", "put"),
    }
    assert all(k.holds and k.finding.acknowledged == 2 for k in kept)


@pytest.mark.parametrize(("part", "kind"), REFUSED.items())
def test_a_refused_kind_is_broken_and_all_others_are_judged(part: str, kind: str) -> None:
    said = _error(400, "BAD_REQUEST", "column does not\nexist\n[SQL: SELECT " + "a, " * 9000 + "]")
    kept = _read(_Server(part, lambda _: said))
    assert [(k.door, k.kind) for k in kept if not k.holds] == [("mlflow", kind)]
    [broken], unless = wrong_with(kept)
    assert broken.startswith(f"mlflow, {kind}: refused: ")
    assert "HTTP 400 BAD_REQUEST column does not exist" in broken
    assert len(broken) < 300
    assert unless == ""


def test_a_refusal_hides_no_loss_that_another_door_shows() -> None:
    class Empty(_Database):
        def rows(self, query: str, *_: Any) -> list[list[Any]]:
            return [] if "FROM tags" in query else super().rows(query)

    kept = _read(_Server("runs/get", lambda _: _error(403, "PERMISSION_DENIED", "no")), Empty())
    assert sorted(wrong_with(kept)[0]) == [
        "mlflow, param: refused: runs/get: HTTP 403 PERMISSION_DENIED no",
        "mlflow, tag: refused: runs/get: HTTP 403 PERMISSION_DENIED no",
        "sql, tag: 2 lost",
    ]


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_the_server_is_asked_once_more(status: int) -> None:
    shown = _Server("registered-models/get")
    stray = _Server(
        "registered-models/get",
        lambda n: (
            _error(status, "INTERNAL_ERROR", "no")
            if n == 1
            else Reply(200, {}, shown._shown("registered-models/get"), 0)
        ),
    )
    assert wrong_with(_read(stray)) == ([], "")
    lasting = _read(_Server("registered-models/get", lambda _: _error(status, "X", "no")))
    assert wrong_with(lasting) == (
        [f"mlflow, alias: refused: registered-models/get: HTTP {status} X no"], "",
    )  # fmt: skip


def test_what_nobody_could_look_at_is_neither_kept_nor_lost() -> None:
    def silent(_: int) -> Reply:
        raise NoReply("timeout", "read", 30)

    kept = _read(_Server("get-history", silent), _Database(breaks=True))
    wrong, unless = wrong_with(kept)
    assert "mlflow, add: NoReply: timeout after 30.00 s: read" in wrong
    assert "sql, tag: InsideFailed: sql: UndefinedTable: relation does not exist" in wrong
    assert unless == "not every door could be looked through"
    assert not any(k.holds for k in kept if k.door == "sql")
    refused = _read(
        _Server("runs/get", lambda _: _error(400, "X", "no")), _Database(breaks=True)
    )  # fmt: skip
    assert wrong_with(refused) == (
        [f"mlflow, {kind}: refused: runs/get: HTTP 400 X no" for kind in ("param", "tag")], "",
    )  # fmt: skip


def test_a_run_that_is_gone_is_lost_and_not_refused() -> None:
    gone = _error(404, "RESOURCE_DOES_NOT_EXIST", "no run")
    assert wrong_with(_read(_Server("runs/get", lambda _: gone)))[0] == [
        "mlflow, param: 2 lost",
        "mlflow, tag: 2 lost",
    ]
