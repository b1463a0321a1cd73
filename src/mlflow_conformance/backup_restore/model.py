# SPDX-License-Identifier: Apache-2.0
"""A registered scikit-learn model, and what a fresh process predicts with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_conformance.doors import fresh_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

_ASKED = ((0.5, 0.25), (100.0, -3.0), (0.0, 0.0))


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
    """What version 1 of the model predicts in a new process, or what that process said instead.

    Raises:
        Undecided: the process did not get as far as asking for the model.
    """
    return fresh_client.predicted(f"models:/{model.name}/1", _ASKED, environment)
