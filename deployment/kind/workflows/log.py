# SPDX-License-Identifier: Apache-2.0
"""Logs a run with what the workflow was given: a param, a metric, an artifact and a model."""

import base64
import os
from pathlib import Path
from tempfile import mkdtemp

import mlflow
from sklearn.linear_model import Ridge

given = os.environ
mlflow.set_experiment(experiment_id=given["EXPERIMENT"])
with mlflow.start_run() as run:
    mlflow.log_param("alpha", given["ALPHA"])
    mlflow.log_metric("loss", float(given["LOSS"]))
    report = Path(mkdtemp(), "report.bin")
    report.write_bytes(base64.b64decode(given["REPORT"]))
    mlflow.log_artifact(str(report), "report")
    model = Ridge(alpha=float(given["ALPHA"])).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
    mlflow.sklearn.log_model(
        model, name="model", pip_requirements=["scikit-learn"], serialization_format="cloudpickle"
    )
Path(given["OUTPUT"]).write_text(run.info.run_id)
