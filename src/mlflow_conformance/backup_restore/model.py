# SPDX-License-Identifier: Apache-2.0
"""A registered scikit-learn model, and what a fresh process predicts with it."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

_LOAD_S = 180
_ASKED = ((0.5, 0.25), (100.0, -3.0), (0.0, 0.0))
_PREDICT = """
import json, sys
import mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
print(json.dumps(model.predict(json.loads(sys.argv[2])).tolist()))
"""


@dataclass(frozen=True)
class RegisteredModel:
    """A model by its name, and what it predicts for fixed questions."""

    name: str
    predictions: Sequence[float]


def registered(client: "MlflowClient", experiment: str, name: str) -> RegisteredModel:
    """Fit, log and register a model as users do."""
    import mlflow
    from sklearn.linear_model import LinearRegression

    points = [[float(n), float(n * n % 7)] for n in range(50)]
    model = LinearRegression().fit(points, [3 * a - 2 * b + 0.1 for a, b in points])
    run_id = client.create_run(experiment).info.run_id
    with mlflow.start_run(run_id=run_id):
        mlflow.sklearn.log_model(
            model, name="model", registered_model_name=name,
            pip_requirements=["scikit-learn"], serialization_format="cloudpickle",
        )  # fmt: skip
    return RegisteredModel(name, model.predict([list(q) for q in _ASKED]).tolist())


def predicted(model: RegisteredModel, environment: Mapping[str, str]) -> list[float] | str:
    """What version 1 of the model predicts in a new process, or what that process said instead."""
    done = subprocess.run(
        [sys.executable, "-c", _PREDICT, f"models:/{model.name}/1", json.dumps(_ASKED)],
        env=dict(environment), capture_output=True, text=True, check=False, timeout=_LOAD_S,
    )  # fmt: skip
    if done.returncode != 0 or not done.stdout:
        return f"exit code {done.returncode}: {done.stderr[-500:]}"
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found
