# SPDX-License-Identifier: Apache-2.0
"""Logs and registers models with the installed client, and tells what they predict.

Argument: ``{"url": …, "name": …, "headers": {…}}``; the name is one that nobody has used. Prints
the client's version, and by the URI of each registered version what it predicted.
"""

import base64
import json
import os
import sys
import tempfile
from typing import Any

_ASKED = json.loads(sys.argv[1])
_USER = _ASKED.get("headers", {}).get("Authorization", "").removeprefix("Basic ")
_NAMED, _, _PASSWORD = base64.b64decode(_USER).decode().partition(":")
os.environ.update(
    {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_TRACKING_URI": _ASKED["url"],
        "MLFLOW_REGISTRY_URI": _ASKED["url"],
        "GIT_PYTHON_REFRESH": "quiet",
        "NO_PROXY": "*",
        "HOME": tempfile.mkdtemp(),  # `~` of a pod may be read-only
        **({"MLFLOW_TRACKING_USERNAME": _NAMED, "MLFLOW_TRACKING_PASSWORD": _PASSWORD} if _USER
           else {}),
    }
)  # fmt: skip

import mlflow  # noqa: E402
import numpy as np  # noqa: E402 - the environment comes first

_WORD = "name" if int(mlflow.__version__.partition(".")[0]) >= 3 else "artifact_path"
_QUESTIONS = [[0.5, 0.25], [100.0, -3.0], [0.0, 0.0]]


class _Weighted(mlflow.pyfunc.PythonModel):  # type: ignore[misc] # MLflow has no types here
    """A model of somebody's own, with a file and settings."""

    def load_context(self, context: Any) -> None:
        with open(context.artifacts["weights"], encoding="utf-8") as file:  # noqa: PTH123
            self.weights = json.load(file)

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002
        rows = model_input.values.tolist() if hasattr(model_input, "values") else model_input
        return [sum(w * x for w, x in zip(self.weights, row)) / 3 for row in rows]  # noqa: B905


def _python_model() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/weights.json"
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump([0.1, 0.7], file)
        mlflow.pyfunc.log_model(
            **{_WORD: "python"}, python_model=_Weighted(), artifacts={"weights": path},
            pip_requirements=["mlflow"], registered_model_name=f"{_ASKED['name']}-python",
        )  # fmt: skip


def _sklearn_models() -> None:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import LinearRegression

    points = np.array([[float(n), float(n * n % 7)] for n in range(60)])
    answers = 3 * points[:, 0] - 2 * points[:, 1] + 0.1
    for kind, model in (
        ("linear", LinearRegression()),
        ("forest", RandomForestRegressor(n_estimators=8, random_state=1)),
    ):
        mlflow.sklearn.log_model(
            model.fit(points, answers), **{_WORD: kind}, input_example=points[:2],
            serialization_format="cloudpickle", pip_requirements=["scikit-learn"],
            registered_model_name=f"{_ASKED['name']}-{kind}",
        )  # fmt: skip


mlflow.set_experiment(_ASKED["name"])
with mlflow.start_run():
    _python_model()
    _sklearn_models()
_PREDICTED = {}
for _KIND in ("python", "linear", "forest"):
    _URI = f"models:/{_ASKED['name']}-{_KIND}/1"
    _FOUND = mlflow.pyfunc.load_model(_URI).predict(np.array(_QUESTIONS))
    _PREDICTED[_URI] = [float(value) for value in _FOUND]
print(json.dumps({"version": mlflow.__version__, "questions": _QUESTIONS, "predicted": _PREDICTED}))
