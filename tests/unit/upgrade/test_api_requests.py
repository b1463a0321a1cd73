# SPDX-License-Identifier: Apache-2.0
"""Requests from the API's own definition: every call, about what is there and what is not."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import TypeAdapter

from mlflow_conformance.load.operations import World
from mlflow_conformance.upgrade.api_requests import (
    ABSENT,
    ApiObjects,
    ApiRequest,
    DeclaredCall,
    requests,
)
from mlflow_conformance.upgrade.scripts import API_DEFINITION
from real_mlflow import RealMlflow

_WORLD = World(experiment_id="7", experiment_name="e", run_ids=["r1", "r2"], model="m")
_THINGS = ApiObjects(
    _WORLD,
    {"run_id": "r1", "experiment_ids": ["7"], "key": "load", "metrics.key": "loss",
     "webhook_id": "w/1", "max_results": 10, "archive": False},
)  # fmt: skip


def _field(name: str, kind: str = "string", *, required: bool = False, repeated: bool = False):  # type: ignore[no-untyped-def]
    return {"name": name, "kind": kind, "repeated": repeated, "required": required,
            "values": [], "fields": []}  # fmt: skip


def _call(method: str, path: str, *fields: object) -> DeclaredCall:
    return DeclaredCall.model_validate(
        {"method": method, "path": path, "version": 2, "fields": list(fields)}
    )


def _made(call: DeclaredCall) -> dict[str, ApiRequest]:
    return {q.how: q for q in requests([call], _THINGS, 1) if q.call == call.name}


def test_a_call_is_asked_about_what_is_there_and_what_is_not() -> None:
    made = _made(_call("POST", "/mlflow/runs/get-thing", _field("run_id", required=True),
                       _field("key"), _field("unknown")))  # fmt: skip
    bodies = {how: json.loads(q.body or b"") for how, q in made.items()}
    assert bodies == {
        "what is there": {"run_id": "r1", "key": "load"},
        "required fields": {"run_id": "r1"},
        "what is not there": {"run_id": ABSENT, "key": ABSENT, "unknown": ABSENT},
        "no field": {},
    }


def test_a_field_may_mean_something_else_in_another_family() -> None:
    [asked] = [_made(_call("POST", "/mlflow/metrics/x", _field("key")))["what is there"]]
    assert json.loads(asked.body or b"") == {"key": "loss"}


def test_one_call_may_need_a_value_of_its_own_and_a_number_is_one() -> None:
    things = replace(_THINGS, values={"value": "text", "runs/create.value": "own", "name": "n"})
    calls = [
        _call("POST", "/mlflow/runs/create", _field("value")),
        _call("POST", "/mlflow/runs/set", _field("value"), _field("name")),
        _call("POST", "/mlflow/runs/log", _field("value", "float")),
    ]
    made = {q.call: json.loads(q.body or b"") for q in requests(calls, things, 1)
            if q.how == "what is there"}  # fmt: skip
    assert list(made.values()) == [{"value": "own"}, {"value": 1}, {"value": "text", "name": "n"}]


def test_a_question_has_its_fields_in_the_query_and_in_the_path() -> None:
    call = _call("GET", "/mlflow/webhooks/{webhook_id}/x", _field("experiment_ids", repeated=True),
                 _field("archive", "boolean"), _field("max_results", "integer"))  # fmt: skip
    asked = _made(call)["what is there"]
    assert urlsplit(asked.path).path == "/api/2.0/mlflow/webhooks/w%2F1/x"
    assert parse_qs(urlsplit(asked.path).query) == {
        "experiment_ids": ["7"], "archive": ["false"], "max_results": ["10"],
    }  # fmt: skip
    assert asked.body is None


def test_reading_comes_before_writing_and_deleting_last() -> None:
    paths = ["/mlflow/a/delete", "/mlflow/a/restore", "/mlflow/a/update", "/mlflow/a/search"]
    order = [q.call for q in requests([_call("POST", p) for p in paths], _THINGS, 1)]
    told = [c.rpartition("/")[2] for c in dict.fromkeys(order) if c.startswith("POST")]
    assert told == ["search", "update", "delete", "restore"]


def test_nothing_is_sent_elsewhere() -> None:
    call = _call("POST", "/mlflow/webhooks/{webhook_id}/test")
    assert _made(call) == {}


@pytest.fixture(scope="module")
def declared(real_mlflow: RealMlflow) -> list[DeclaredCall]:
    """The calls of the MLflow that is installed here."""
    said = real_mlflow.run(API_DEFINITION, None)
    return TypeAdapter(list[DeclaredCall]).validate_python(said)


def test_the_definition_of_a_real_version_is_read(declared: list[DeclaredCall]) -> None:
    named = {call.name: call for call in declared}
    assert len(named) > 100
    fields = {f.name: f for f in named["POST /api/2.0/mlflow/runs/log-metric"].fields}
    assert fields["key"].required
    assert (fields["value"].kind, fields["step"].kind) == ("float", "integer")
    inner = named["POST /api/2.0/mlflow/runs/log-batch"].fields
    assert {f.name for f in next(f for f in inner if f.name == "metrics").fields} >= {"key"}


def test_requests_to_it_are_the_same_every_time(declared: list[DeclaredCall]) -> None:
    made = requests(declared, _THINGS, 1)
    assert made == requests(declared, _THINGS, 1)
    assert len({q.name for q in made}) == len(made)
