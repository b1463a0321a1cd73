# SPDX-License-Identifier: Apache-2.0
"""A registered model, loaded where nothing of it was before."""

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique

if TYPE_CHECKING:
    from mlflow import MlflowClient

_LOAD_TIMEOUT_S = 180
_PREDICT = """
import json, sys
import mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
print(json.dumps(model.predict(json.loads(sys.argv[2])).tolist()))
"""


@check(
    "REG-4",
    impact="Serving predicts something else than training did.",
    remedy="Compare the model's objects in the bucket with the run's, and the environment of the "
    "process that loads it with the model's requirements.",
)
def test_model_predicts_identically(
    evidence: Evidence,
    mlflow_client: "MlflowClient",
    client_environment: dict[str, str],
    sql: Sql,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """A registered scikit-learn model, loaded in a fresh process, predicts identically.

    Steps:
        1. Fit a model, log and register it through the front door.
        2. A new Python process loads `models:/name/1` and predicts.
        3. Its predictions are those of the model that was fitted, bit for bit.
    """
    import mlflow
    from sklearn.linear_model import LinearRegression

    name = belongings.model(unique("regression"))
    points = [[float(n), float(n * n % 7)] for n in range(50)]
    model = LinearRegression().fit(points, [3 * a - 2 * b + 0.1 for a, b in points])
    run_id = mlflow_client.create_run(experiment).info.run_id
    with mlflow.start_run(run_id=run_id):
        mlflow.sklearn.log_model(
            model, name="model", registered_model_name=name,
            pip_requirements=["scikit-learn"], serialization_format="cloudpickle",
        )  # fmt: skip
    evidence.expect(
        "sql.version", "version row",
        sql.column("SELECT status FROM model_versions WHERE name = %s", name),
        "==", ["READY"], door="sql",
    )  # fmt: skip
    asked = [[0.5, 0.25], [100.0, -3.0], [0.0, 0.0]]
    done = subprocess.run(
        [sys.executable, "-c", _PREDICT, f"models:/{name}/1", json.dumps(asked)],
        env=client_environment, capture_output=True, text=True, check=False,
        timeout=_LOAD_TIMEOUT_S,
    )  # fmt: skip
    if done.returncode != 0:
        evidence.note("standard error of the new process", done.stderr[-2000:])
    evidence.expect(
        "exit-code",
        "exit code of the new process",
        done.returncode,
        "==",
        0,
        door="front",
    )
    evidence.expect(
        "predictions", "predictions",
        json.loads(done.stdout.splitlines()[-1]) if done.stdout else None,
        "==", model.predict(asked).tolist(), door="front",
    )  # fmt: skip
