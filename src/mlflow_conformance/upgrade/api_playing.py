# SPDX-License-Identifier: Apache-2.0
"""The recorded requests played against both servers, with the objects that they are about."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue, TypeAdapter

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.mlflow import ApiError, MlflowApi, answer
from mlflow_conformance.load import seeding
from mlflow_conformance.load.operations import World
from mlflow_conformance.upgrade.api_answers import ApiAnswer, answer_of
from mlflow_conformance.upgrade.api_requests import ApiObjects, ApiRequest, DeclaredCall, requests
from mlflow_conformance.upgrade.otlp import location_of
from mlflow_conformance.upgrade.pair import PairServer, ServerPair
from mlflow_conformance.upgrade.scripts import API_DEFINITION

_EACH_S = 60.0
_PATIENCE_S = 900.0
_CALLS = TypeAdapter(list[DeclaredCall])
_FROM_DATA = ("trace_id", "trace_ids", "request_id", "request_ids")
"""What the comparison does not make itself; B is asked about A's."""


@dataclass(frozen=True)
class PlayedRequests:
    """Every request, and what A and B said to it."""

    asked: Sequence[ApiRequest]
    a: Sequence[ApiAnswer]
    b: Sequence[ApiAnswer]

    @property
    def answered(self) -> list[str]:
        """The calls that A answered with what they ask for, whichever way they were asked."""
        return sorted({q.call for q, seen in zip(self.asked, self.a, strict=True) if seen.good})


def play(pair: ServerPair, inside: Inside, name: str, seed: int) -> PlayedRequests:
    """Play all requests against both.

    Args:
        name: of what is made for it; must be new.

    Raises:
        Undecided: A's definition of its API cannot be read, or the objects cannot be made.
    """
    try:
        calls = _CALLS.validate_python(pair.a.python.run(API_DEFINITION, None))
    except ValueError as problem:
        raise Undecided(f"A does not tell the calls of its API: {problem}") from problem
    with _world(pair.a, name) as first, _world(pair.b, name) as second:
        ours = _things(pair.a.api, first)
        theirs = _things(pair.b.api, second, ours)
        asked = requests(calls, ours, seed)
        return PlayedRequests(
            asked,
            _sent(inside, pair.a.api, asked),
            _sent(inside, pair.b.api, requests(calls, theirs, seed)),
        )


@contextmanager
def _world(server: PairServer, name: str) -> Iterator[World]:
    made = seeding.make(server.api, name)
    try:
        yield made
    finally:
        # The copies are thrown away; what is left is of no harm to anybody.
        seeding.remove(server.api, made)


def _sent(inside: Inside, api: MlflowApi, asked: Sequence[ApiRequest]) -> list[ApiAnswer]:
    outcomes = send_many(
        inside,
        [
            Request(q.method, api.base_url + q.path, {**api.headers, **q.headers}, q.body, _EACH_S)
            for q in asked
        ],
        # One after the other: what a request changes, the next one meets.
        concurrency=1,
        patience_s=_PATIENCE_S,
    )
    return [answer_of(outcome.reply) for outcome in outcomes]


def _things(api: MlflowApi, world: World, ours: ApiObjects | None = None) -> ApiObjects:
    """What there is at a server, by the names that the API's fields have."""
    run, model = world.run_ids[0], world.model
    values: dict[str, JsonValue] = {
        "run_id": run, "run_uuid": run, "run_ids": [run], "source_run_id": run,
        "experiment_id": world.experiment_id, "experiment_ids": [world.experiment_id],
        "experiment_name": world.experiment_name,
        "key": "load", "value": "1", "metrics.key": "loss", "metric_key": "loss",
        "metric_keys": ["loss"], "timestamp": 1, "step": 1,
        "max_results": 10, "view_type": "ACTIVE_ONLY", "run_view_type": "ACTIVE_ONLY",
        "tags": [{"key": "team", "value": "a"}], "params": [{"key": "p", "value": "1"}],
        "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 1}],
        "status": "RUNNING", "start_time": 1, "end_time": 2, "run_name": "renamed",
        "description": "described", "version": "1", "alias": "load", "stage": "Staging",
        "archive_existing_versions": False, "source": f"runs:/{run}/model",
        "registered-models.name": model, "model-versions.name": model,
        "experiments/create.name": f"{world.experiment_name}-made",
        "experiments/update.new_name": f"{world.experiment_name}-new",
        "registered-models/create.name": f"{world.experiment_name}-made",
        "logged-models.name": "made", "locations": [location_of(world.experiment_id)],
    }  # fmt: skip
    if ours is None:
        found = _found(api)
    else:
        found = {key: ours.values[key] for key in _FROM_DATA if key in ours.values}
    return ApiObjects(world, {**values, **_made(api, world), **found})


def _trace(trace_id: str) -> dict[str, JsonValue]:
    one: dict[str, JsonValue] = {"trace_id": trace_id, "request_id": trace_id}
    return {**one, "trace_ids": [trace_id], "request_ids": [trace_id]}


def _made(api: MlflowApi, world: World) -> dict[str, JsonValue]:
    """What is made here besides, where this version can make it."""
    fields = {"experiment_id": world.experiment_id, "name": "made"}
    model = _answered(api, "logged-models", fields).get("model", {})
    model_id = model.get("info", {}).get("model_id")
    trace_id = (
        f"tr-{hashlib.md5(world.experiment_name.encode(), usedforsecurity=False).hexdigest()}"
    )
    trace = {
        "trace_info": {
            "trace_id": trace_id, "trace_location": location_of(world.experiment_id),
            "request_time": "2026-01-01T00:00:00Z", "execution_duration": "1s", "state": "OK",
        }
    }  # fmt: skip
    made = _answered(api, "traces", {"trace": trace}, version=3)
    return {
        **({"model_id": model_id} if model_id else {}),
        **({"traces.trace": trace, **_trace(trace_id)} if made else {}),
    }


def _found(api: MlflowApi) -> dict[str, JsonValue]:
    """What A's data hold of what is not made here: traces."""
    found: dict[str, JsonValue] = {}
    experiments = _answered(api, "experiments/search", {"max_results": 100}).get("experiments", [])
    numbers = [one["experiment_id"] for one in experiments]
    places = [location_of(number) for number in numbers]
    body = {"locations": places, "max_results": 1}
    for trace in _answered(api, "traces/search", body, version=3).get("traces", []):
        found |= _trace(trace["trace_id"])
    return found


def _answered(
    api: MlflowApi, call: str, fields: dict[str, Any], version: int = 2
) -> dict[str, Any]:
    """What a call says; nothing when this version refuses it."""
    try:
        return answer(call, api.send("POST", f"/api/{version}.0/mlflow/{call}", fields))
    except (ApiError, NoReply):
        return {}
