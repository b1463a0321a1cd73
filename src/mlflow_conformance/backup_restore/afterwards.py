# SPDX-License-Identifier: Apache-2.0
"""New writes of every kind: a database that only answers what it held is not whole."""

from collections.abc import Mapping
from typing import Any

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.mlflow import ARTIFACTS, ApiError, MlflowApi, answer, new_run

_TEXT = b"written after a restore\n"
_WORD = "mlc.after"


def new_writes(api: MlflowApi, name: str) -> list[str]:
    """Make an experiment, a run with everything in it and a version of a model; read all back.

    Each is tried once, and what could be made is removed again.

    Args:
        name: of the experiment and the model; must be new.

    Returns what was refused, or is not read back as it was written; after a refusal nothing more
    is tried.
    """
    made: dict[str, str] = {}
    try:
        return _written(api, name, made)
    except (ApiError, NoReply) as problem:
        return [brief(str(problem))]
    finally:
        _remove(api, made)


def _written(api: MlflowApi, name: str, made: dict[str, str]) -> list[str]:
    made["experiment"] = experiment = _post(api, "experiments/create", name=name)["experiment_id"]
    run = new_run(api, experiment, name)
    value: dict[str, Any] = {"run_id": run.run_id, "key": _WORD, "value": "1"}
    _post(api, "runs/log-metric", **{**value, "value": 1.0}, timestamp=1, step=1)
    _post(api, "runs/log-parameter", **value)
    _post(api, "runs/set-tag", **value)
    made["model"] = _post(api, "registered-models/create", name=name)["registered_model"]["name"]
    version = _post(
        api, "model-versions/create", name=name, source=run.artifact_uri, run_id=run.run_id
    )["model_version"]["version"]
    data = answer("runs/get", api.get("runs/get", run_id=run.run_id))["run"]["data"]
    found = answer("model-versions/get", api.get("model-versions/get", name=name, version=version))
    seen: dict[str, object] = {
        "metric": _values(data, "metrics").get(_WORD),
        "param": _values(data, "params").get(_WORD),
        "tag": _values(data, "tags").get(_WORD),
        "version's run": found["model_version"].get("run_id"),
    }
    wanted: dict[str, object] = {
        "metric": 1.0, "param": "1", "tag": "1", "version's run": run.run_id,
    }  # fmt: skip
    if run.artifact_uri.startswith("mlflow-artifacts:"):
        path = f"{ARTIFACTS}/{run.artifact_uri.partition(':/')[2].lstrip('/')}/{_WORD}.txt"
        made["artifact"] = path
        put = api.request("PUT", path, body=_TEXT, content_type="text/plain")
        if put.status != 200:  # an artifact that is taken is answered without a JSON body
            raise ApiError("artifacts", put)
        seen["artifact"], wanted["artifact"] = api.request("GET", path).text, _TEXT.decode()
    return [f"{k}: {seen[k]}, not {wanted[k]}" for k in wanted if seen[k] != wanted[k]]


def _post(api: MlflowApi, call: str, **fields: Any) -> dict[str, Any]:
    return answer(call, api.post(call, **fields))


def _values(data: Mapping[str, Any], what: str) -> dict[str, Any]:
    return {item["key"]: item["value"] for item in data.get(what, [])}


def _remove(api: MlflowApi, made: Mapping[str, str]) -> None:
    """Remove what was made, as far as MLflow takes that: what stays is in no check's way."""
    try:
        if "artifact" in made:
            api.request("DELETE", made["artifact"])
        if "model" in made:
            api.delete("registered-models/delete", name=made["model"])
        if "experiment" in made:
            api.post("experiments/delete", experiment_id=made["experiment"])
    except NoReply:
        return
