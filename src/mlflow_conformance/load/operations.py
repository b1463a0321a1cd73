# SPDX-License-Identifier: Apache-2.0
"""The requests that a workload is mixed from, as MLflow's own clients send them.

A reply counts only when its body holds what the operation asked for: a proxy's friendly page with
status 200 is a failure.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from mlflow_conformance.config.documents import Strict

_API = "/api/2.0/mlflow/"


class World(Strict):
    """What is there before the load begins, for operations to read and to write on."""

    experiment_id: str = ""
    experiment_name: str = ""
    run_ids: list[str] = Field(default=[])
    model: str = ""


@dataclass(frozen=True)
class LoadRequest:
    """One request, and a part of the body that a right reply holds."""

    method: str
    path: str
    body: bytes | None
    expected: bytes


@dataclass(frozen=True)
class LoadOperation:
    """A kind of request.

    Attributes:
        build: makes one from the world, numbers of its own, and its place in the plan.
        needs_world: it reads or writes objects that must have been made before.
    """

    build: Callable[[World, random.Random, int], LoadRequest]
    needs_world: bool = True


def _get(call: str, expected: str, **parameters: str | int) -> LoadRequest:
    return LoadRequest("GET", f"{_API}{call}?{urlencode(parameters)}", None, expected.encode())


def _post(call: str, expected: str, **fields: Any) -> LoadRequest:
    return LoadRequest("POST", _API + call, json.dumps(fields).encode(), expected.encode())


def _health(_world: World, _numbers: random.Random, _index: int) -> LoadRequest:
    return LoadRequest("GET", "/health", None, b"OK")


def _get_run(world: World, numbers: random.Random, _index: int) -> LoadRequest:
    run = numbers.choice(world.run_ids)
    return _get("runs/get", run, run_id=run)


def _search_runs(world: World, _numbers: random.Random, _index: int) -> LoadRequest:
    return _post(
        "runs/search",
        '"runs"',
        experiment_ids=[world.experiment_id],
        max_results=100,
        order_by=["attributes.start_time DESC"],
    )


def _get_metric_history(world: World, numbers: random.Random, _index: int) -> LoadRequest:
    run = numbers.choice(world.run_ids)
    return _get("metrics/get-history", '"metrics"', run_id=run, metric_key="loss")


def _get_experiment(world: World, _numbers: random.Random, _index: int) -> LoadRequest:
    return _get(
        "experiments/get-by-name", world.experiment_name, experiment_name=world.experiment_name
    )


def _get_alias(world: World, _numbers: random.Random, _index: int) -> LoadRequest:
    return _get("registered-models/alias", '"model_version"', name=world.model, alias="load")


def _create_run(world: World, _numbers: random.Random, index: int) -> LoadRequest:
    return _post(
        "runs/create",
        '"run"',
        experiment_id=world.experiment_id,
        run_name=f"load-{index}",
        start_time=0,
        tags=[{"key": "mlflow.source.name", "value": "load"}],
    )


def _log_batch(metrics: int) -> Callable[[World, random.Random, int], LoadRequest]:
    def build(world: World, numbers: random.Random, index: int) -> LoadRequest:
        names = ["loss", "accuracy", *(f"metric-{n}" for n in range(2, metrics))]
        return _post(
            "runs/log-batch",
            "{",
            run_id=numbers.choice(world.run_ids),
            metrics=[
                {"key": name, "value": numbers.random(), "timestamp": index, "step": index}
                for name in names
            ],
        )

    return build


def _log_metric(world: World, numbers: random.Random, index: int) -> LoadRequest:
    return _post(
        "runs/log-metric",
        "{",
        run_id=numbers.choice(world.run_ids),
        key="rate",
        value=numbers.random(),
        timestamp=index,
        step=index,
    )


def _set_tag(world: World, numbers: random.Random, index: int) -> LoadRequest:
    run = numbers.choice(world.run_ids)
    return _post("runs/set-tag", "{", run_id=run, key="load", value=str(index))


def _update_run(world: World, numbers: random.Random, _index: int) -> LoadRequest:
    run = numbers.choice(world.run_ids)
    return _post("runs/update", "run_info", run_id=run, status="RUNNING")


OPERATIONS: Mapping[str, LoadOperation] = {
    "create-run": LoadOperation(_create_run),
    "get-alias": LoadOperation(_get_alias),
    "get-experiment": LoadOperation(_get_experiment),
    "get-metric-history": LoadOperation(_get_metric_history),
    "get-run": LoadOperation(_get_run),
    "health": LoadOperation(_health, needs_world=False),
    "log-batch": LoadOperation(_log_batch(2)),
    "log-batch-50": LoadOperation(_log_batch(50)),
    "log-metric": LoadOperation(_log_metric),
    "search-runs": LoadOperation(_search_runs),
    "set-tag": LoadOperation(_set_tag),
    "update-run": LoadOperation(_update_run),
}
"""By the name that a workload's mix uses; docs/load.md says which API call each one is."""
