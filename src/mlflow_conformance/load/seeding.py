# SPDX-License-Identifier: Apache-2.0
"""The objects that a workload reads and writes on, made before it and deleted after it."""

from typing import Any

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.mlflow import ApiError, MlflowApi, answer
from mlflow_conformance.load.operations import World

_RUNS = 20
_STEPS = 50


def make(api: MlflowApi, name: str) -> World:
    """An experiment with runs and metrics, and a model with an alias.

    Args:
        name: of the experiment and the model; must be new.

    Raises:
        Unusable: the server does not answer, or refuses them; what was made is deleted again.
    """
    made: dict[str, str] = {}
    try:
        return _make(api, name, made)
    except (ApiError, NoReply) as problem:
        left = _remove(api, made)
        raise Unusable(
            f"The objects that the load needs cannot be made at {api.base_url}: {problem}"
            + (f"; {left}" if left else ""),
            remedy="Check the URL, the credentials and that the server is healthy",
        ) from problem


def remove(api: MlflowApi, world: World) -> str:
    """Delete what `make` made, as MLflow deletes: the rows stay until ``mlflow gc``.

    Returns what could not be deleted, in a sentence, or an empty string.
    """
    return _remove(api, {"experiment": world.experiment_id, "model": world.model})


def _make(api: MlflowApi, name: str, made: dict[str, str]) -> World:
    def post(call: str, **fields: Any) -> dict[str, Any]:
        return answer(call, api.post(call, **fields))

    experiment = post("experiments/create", name=name)["experiment_id"]
    made["experiment"] = experiment
    runs: list[dict[str, Any]] = []
    for number in range(_RUNS):
        run = post("runs/create", experiment_id=experiment, run_name=f"seed-{number}")["run"]
        runs.append(run["info"])
        post(
            "runs/log-batch",
            run_id=run["info"]["run_id"],
            # Two first writes of one tag at once give MLflow a unique violation; a second is none.
            tags=[{"key": "load", "value": ""}],
            params=[{"key": f"param-{n}", "value": str(n)} for n in range(12)],
            metrics=[
                {"key": key, "value": 1 / (step + 1), "timestamp": step, "step": step}
                for key in ("loss", "accuracy")
                for step in range(_STEPS)
            ],
        )
    post("registered-models/create", name=name)
    made["model"] = name
    version = post(
        "model-versions/create",
        name=name,
        source=f"{runs[-1]['artifact_uri']}/model",
        run_id=runs[-1]["run_id"],
    )["model_version"]
    post("registered-models/alias", name=name, alias="load", version=version["version"])
    return World(
        experiment_id=experiment,
        experiment_name=name,
        run_ids=[info["run_id"] for info in runs],
        model=name,
    )


def _remove(api: MlflowApi, made: dict[str, str]) -> str:
    left: list[str] = []

    def gone(what: str, reply: Reply) -> None:
        if reply.status != 200:
            left.append(f"{what} (HTTP {reply.status})")

    try:
        if model := made.get("model"):
            gone(f"model {model}", api.delete("registered-models/delete", name=model))
        if experiment := made.get("experiment"):
            reply = api.post("experiments/delete", experiment_id=experiment)
            gone(f"experiment {experiment}", reply)
    except NoReply as problem:
        left.append(f"{', '.join(f'{k} {v}' for k, v in made.items())} ({problem})")
    return f"could not be deleted: {'; '.join(left)}" if left else ""
