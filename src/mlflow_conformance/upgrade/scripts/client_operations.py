# SPDX-License-Identifier: Apache-2.0
"""What people do with MLflow's client, operation by operation, against one server.

Argument: ``{"url": …, "name": …, "headers": {…}}``; the name is one that nobody has used. Prints,
by operation, null or the error that people would see, in one line. An operation that needs the
result of one that failed says so.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ASKED = json.loads(sys.argv[1])
os.environ.update(
    {
        # What is refused is refused at once: people's clients repeat it for minutes.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
        "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_TRACKING_URI": _ASKED["url"],
        "MLFLOW_REGISTRY_URI": _ASKED["url"],
        "GIT_PYTHON_REFRESH": "quiet",
        "NO_PROXY": "*",
        # `~` of a pod may be read-only.
        "HOME": tempfile.mkdtemp(),
    }
)

import mlflow  # noqa: E402 - the environment comes first
from mlflow import MlflowClient  # noqa: E402

_LENGTH = 300
_RESULTS: dict[str, str | None] = {}
_FOUND: dict[str, Any] = {}
_NAME = _ASKED["name"]
_CLIENT = MlflowClient(_ASKED["url"], _ASKED["url"])
_MAJOR = int(mlflow.__version__.partition(".")[0])


class _Same(mlflow.pyfunc.PythonModel):  # type: ignore[misc] # MLflow has no types here
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002
        return model_input


def _try(name: str, needs: str, act: Callable[[], Any]) -> None:
    if needs and needs not in _FOUND:
        _RESULTS[name] = f"not tried: {needs} is missing"
        return
    try:
        _FOUND[name] = act()
    except Exception as problem:  # noqa: BLE001 - whatever people would see is the result
        said = " ".join(f"{type(problem).__name__}: {problem}".split())
        _RESULTS[name] = said[:_LENGTH]
    else:
        _RESULTS[name] = None


def _expect(seen: object, wanted: object) -> None:
    if seen != wanted:
        raise ValueError(f"{seen!r} was read where {wanted!r} was written")


def _log() -> str:
    mlflow.set_experiment(_NAME)
    with mlflow.start_run(run_name=_NAME) as run:
        mlflow.log_params({"depth": 3})
        mlflow.log_metrics({"loss": 0.5}, step=1)
        mlflow.set_tag("team", "a")
        mlflow.log_text("content", "note.txt")
    read = _CLIENT.get_run(run.info.run_id)
    _expect(read.data.params["depth"], "3")
    _expect(read.data.metrics["loss"], 0.5)
    _expect(read.data.tags["team"], "a")
    _expect([m.value for m in _CLIENT.get_metric_history(run.info.run_id, "loss")], [0.5])
    return str(run.info.run_id)


def _artifact() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = _CLIENT.download_artifacts(_FOUND["log"], "note.txt", folder)
        _expect(Path(path).read_text("utf-8"), "content")


def _search() -> None:
    found = mlflow.search_runs(
        experiment_names=[_NAME], filter_string="params.depth = '3' and metrics.loss < 1",
        output_format="list",
    )  # fmt: skip
    _expect([run.info.run_id for run in found], [_FOUND["log"]])


def _log_model() -> str:
    word = "name" if _MAJOR >= 3 else "artifact_path"
    with mlflow.start_run(run_id=_FOUND["log"]):
        logged = mlflow.pyfunc.log_model(
            **{word: "model"}, python_model=_Same(), pip_requirements=["mlflow"]
        )
    return str(logged.model_uri)


def _register() -> str:
    return str(mlflow.register_model(_FOUND["log model"], _NAME).version)


def _load(uri: str) -> None:
    _expect(mlflow.pyfunc.load_model(uri).predict([1, 2]), [1, 2])


def _alias() -> None:
    _CLIENT.set_registered_model_alias(_NAME, "champion", _FOUND["register"])
    _expect(str(_CLIENT.get_model_version_by_alias(_NAME, "champion").version), _FOUND["register"])
    _load(f"models:/{_NAME}@champion")


def _stage() -> None:
    _CLIENT.transition_model_version_stage(_NAME, _FOUND["register"], "Production")
    _expect(_CLIENT.get_model_version(_NAME, _FOUND["register"]).current_stage, "Production")


def _trace() -> None:
    experiment = _CLIENT.get_experiment_by_name(_NAME).experiment_id
    with mlflow.start_span(name="ask") as span:
        span.set_inputs({"question": "why"})
    found = _CLIENT.search_traces([experiment])
    _expect([s.name for trace in found for s in trace.data.spans], ["ask"])


def _rename_and_delete() -> None:
    _CLIENT.update_registered_model(_NAME, description="renamed")
    _CLIENT.delete_run(_FOUND["log"])
    _CLIENT.restore_run(_FOUND["log"])


_try("log", "", _log)
_try("artifact", "log", _artifact)
_try("search", "log", _search)
_try("log model", "log", _log_model)
_try("register", "log model", _register)
_try("load", "register", lambda: _load(f"models:/{_NAME}/{_FOUND['register']}"))
_try("alias", "register", _alias)
_try("stage", "register", _stage)
_try("trace", "log", _trace)
_try("change and delete", "register", _rename_and_delete)
print(json.dumps(_RESULTS))
