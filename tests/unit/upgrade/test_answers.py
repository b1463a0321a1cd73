# SPDX-License-Identifier: Apache-2.0
"""What an answer holds of what was written."""

import json
from typing import Any

import pytest
from pydantic import JsonValue

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.upgrade.answers import lacking, part_of, unlike
from mlflow_conformance.upgrade.things import ApiCall, ReadBack

GET = ApiCall.get("runs/get", run_id="r")


def reply(value: object, status: int = 200) -> Reply:
    body = value if isinstance(value, str) else json.dumps(value)
    return Reply(status, {}, body.encode(), 0.1)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": "1"}),
        ({"a": ""}, {}),
        (
            {"tags": [{"key": "k", "value": "v"}]},
            {"tags": [{"key": "x"}, {"key": "k", "value": "v"}]},
        ),
        ([1, 2], [2, 1, 3]),
        ({"value": False}, {"value": False}),
        ({"value": "NaN"}, {"value": "NaN"}),
    ],
)
def test_more_than_was_written_is_no_difference(wanted: JsonValue, found: Any) -> None:
    assert lacking(wanted, found) == []


@pytest.mark.parametrize(
    ("wanted", "found", "told"),
    [
        ({"a": 1}, {}, "a: not there, written was 1"),
        ({"a": 1}, {"a": 2}, "a: 2, written was 1"),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, "a.b: 'y', written was 'x'"),
        ({"tags": [{"key": "k", "value": "v"}]}, {"tags": []}, "tags[k]: not there"),
        (
            {"tags": [{"key": "k", "value": "v"}]},
            {"tags": [{"key": "k", "value": "w"}]},
            "tags[k].value: 'w', written was 'v'",
        ),
        ({"value": False}, {"value": 0}, "value: 0, written was False"),
        ({"value": True}, {}, "value: not there, written was True"),
        ([1], None, ": 1 is not there"),
    ],
)
def test_what_is_missing_is_told_by_field(wanted: JsonValue, found: Any, told: str) -> None:
    assert lacking(wanted, found) == [told]


def test_of_entries_of_one_name_the_nearest_is_told() -> None:
    steps: list[JsonValue] = [
        {"key": "loss", "step": 1, "value": 0.5}, {"key": "loss", "step": 2, "value": 0.25},
    ]  # fmt: skip
    assert lacking(steps, steps) == []
    assert lacking(steps, [steps[0], {"key": "loss", "step": 2, "value": 1}], "m") == [
        "m[loss].value: 1, written was 0.25"
    ]


def test_another_status_is_told_with_what_was_said() -> None:
    refused = reply({"error_code": "INTERNAL_ERROR", "message": "no column"}, 500)
    assert unlike(ReadBack(call=GET), refused) == [
        "GET /api/2.0/mlflow/runs/get: HTTP 500 INTERNAL_ERROR no column"
    ]
    assert unlike(ReadBack(call=GET, status=404), refused) == [
        "GET /api/2.0/mlflow/runs/get: HTTP 500 INTERNAL_ERROR no column, not HTTP 404"
    ]
    assert unlike(ReadBack(call=GET, status=500), refused) == []


def test_a_body_that_is_no_json_is_told() -> None:
    assert unlike(ReadBack(call=GET, at="run", says={}), reply("<html>")) == [
        "GET /api/2.0/mlflow/runs/get: the answer is no JSON"
    ]


def test_a_text_is_the_whole_body() -> None:
    assert unlike(ReadBack(call=GET, says="größe"), reply("größe")) == []
    assert unlike(ReadBack(call=GET, says="größe"), reply("grö")) == [
        "GET /api/2.0/mlflow/runs/get: 'grö'"
    ]


def test_a_path_that_leads_nowhere_leads_to_none() -> None:
    assert part_of({"run": {"info": {"a": 1}}}, "run.info.a") == 1
    assert part_of({"run": None}, "run.info.a") is None
    assert part_of([1], "run") is None


def test_any_refusal_may_be_what_is_wanted() -> None:
    assert unlike(ReadBack(call=GET, status=None), reply("gone", 500)) == []
    assert unlike(ReadBack(call=GET, status=None), reply({})) == [
        "GET /api/2.0/mlflow/runs/get: HTTP 200 {}, not HTTP refused"
    ]
