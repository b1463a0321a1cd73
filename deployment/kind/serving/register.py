# SPDX-License-Identifier: Apache-2.0
"""Registers versions of a model, and tells of each what it predicts and where its files are.

Each learns its answers by heart, for the questions 0, 1, 2 ...: what it predicts is one of them, to
the last digit, whoever computes it.
"""

import json
import os

import mlflow
import numpy as np
from mlflow.models import infer_signature
from sklearn.tree import DecisionTreeRegressor

given = os.environ
client = mlflow.MlflowClient()
mlflow.set_experiment(experiment_id=given["EXPERIMENT"])
told = []
for answers in json.loads(given["LESSONS"]):
    questions = np.arange(len(answers), dtype=np.float64).reshape(-1, 1)
    model = DecisionTreeRegressor().fit(questions, answers)
    predicted = model.predict(questions)
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(questions, predicted),
            pip_requirements=["scikit-learn"],
            serialization_format="cloudpickle",
        )
    version = mlflow.register_model(logged.model_uri, given["MODEL"]).version
    source = client.get_model_version_download_uri(given["MODEL"], version)
    told.append({"version": version, "predicted": predicted.tolist(), "source": source})
print(json.dumps(told))
