# SPDX-License-Identifier: Apache-2.0
"""Versions of a registered model to begin with."""

from mlflow_conformance.doors.mlflow import MlflowApi, NewRun, answer


def register_versions(api: MlflowApi, name: str, run: NewRun, count: int) -> None:
    """Make a registered model with the versions 1 to `count`, each from a folder of the run.

    Raises:
        ApiError: MLflow refused one.
        NoReply: no complete reply came.
    """
    answer("registered-models/create", api.post("registered-models/create", name=name))
    for number in range(1, count + 1):
        made = api.post(
            "model-versions/create",
            name=name, run_id=run.run_id, source=f"{run.artifact_uri}/{number}",
        )  # fmt: skip
        answer("model-versions/create", made)
