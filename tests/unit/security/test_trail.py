# SPDX-License-Identifier: Apache-2.0
"""What logs tell of requests."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.security import trail
from mlflow_conformance.security.thresholds import TrailFields
from mlflow_conformance.security.trail import ChangeSender, SentChange

KEYS = TrailFields(id="id", method="verb", path="path", status="code", caller="from", user="who")
SENT = SentChange("n1", "a change", "POST", "/api/x", 200)


def _line(**changed: Any) -> dict[str, Any]:
    return {
        "id": "n1",
        "verb": "POST",
        "path": "/api/x",
        "code": 200,
        "from": "10.0.0.9:4",
    } | changed


def _found(*lines: dict[str, Any]) -> dict[str, Any] | None:
    logs = ["plain\n" + "\n".join(map(json.dumps, lines)), "7\n{"]
    return trail.line_of(SENT, trail.lines(logs, ["n1"], "id"), KEYS)


def test_a_request_is_told_by_one_line() -> None:
    assert _found(_line(id="n2"), _line()) == _line()


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [_line(), _line()],
        [_line(id="n2")],
        [_line(verb="GET")],
        [_line(path="/api/y")],
        [_line(code=500)],
        [_line(code="200")],
    ],
)
def test_a_request_without_its_line_or_with_two_is_not_told(lines: list[dict[str, Any]]) -> None:
    assert _found(*lines) is None


def test_lines_of_a_request_that_tell_something_else_are_left_alone() -> None:
    assert _found({"id": "n1", "message": "a warning"}, _line()) == _line()


def test_a_line_may_hold_other_ends_of_lines() -> None:
    line = _line(message="a\u2028b\x85c")
    logs = [json.dumps(line, ensure_ascii=False), json.dumps(_line(id=["n1"]))]
    assert trail.lines(logs, ["n1"], "id") == {"n1": [line]}


def test_a_path_may_begin_with_a_prefix() -> None:
    assert _found(_line(path="/mlflow/api/x")) is not None


@pytest.mark.parametrize(
    ("caller", "own"),
    [
        ("10.0.0.9", True),
        ("10.0.0.9:51234", True),
        ("10.0.0.91:5", False),
        ("192.0.2.77:0", False),
        (None, False),
    ],
)
def test_a_caller_is_known_by_its_address(caller: object, own: bool) -> None:
    assert trail.is_of(caller, "10.0.0.9") is own


@pytest.mark.parametrize("caller", ["fd00::9", "fd00::9:51234", "[fd00::9]:51234"])
def test_a_caller_is_known_by_an_address_of_six(caller: str) -> None:
    assert trail.is_of(caller, "fd00::9")


def test_every_change_has_an_id_of_its_own() -> None:
    asked: list[Mapping[str, str]] = []

    def server(
        method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Reply:
        assert method in ("POST", "PUT", "DELETE")
        assert timeout_s > 0
        asked.append(headers)
        run = {"run": {"info": {"run_id": "r", "artifact_uri": "mlflow-artifacts:/1/r/artifacts"}}}
        said = run if url.endswith("runs/create") else {"model_version": {"version": "1"}}
        return Reply(status=200, headers={}, body=json.dumps(said).encode(), elapsed_s=0)

    sending = ChangeSender(MlflowApi("http://m", server, {"A": "b"}), "X-Id", {"C": "d"})
    trail.change_everything(sending, "1", "model")
    assert len(sending.sent) == len(asked) >= 16
    assert [h["X-Id"] for h in asked] == [s.id for s in sending.sent]
    assert len({s.id for s in sending.sent}) == len(asked)
    assert all(h["A"] == "b" and h["C"] == "d" for h in asked)
