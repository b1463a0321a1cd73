# SPDX-License-Identifier: Apache-2.0
"""Versions of models to be deployed: each has a file whose content is its own."""

import hashlib

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.mlflow import MlflowApi, NewRun, answer, served_path, store

FILE = "weights.bin"
"""The name of the file."""


def digest(content: bytes) -> str:
    """The sha256 of a content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def version_of(api: MlflowApi, name: str, run: NewRun, content: bytes) -> str:
    """Register a version of a model, and store its file below its run; the version's number.

    Raises:
        ApiError: MLflow refused it.
        NoReply: no complete reply came.
        Undecided: clients would store the file past MLflow.
    """
    root, folder = served_path(run.artifact_uri), f"models/{digest(content)[:16]}"
    if root is None:
        raise Undecided(f"artifacts of runs are at {run.artifact_uri}, which MLflow does not serve")
    store(api, f"{root}/{folder}/{FILE}", content)
    made = api.post(
        "model-versions/create",
        name=name, run_id=run.run_id, source=f"{run.artifact_uri}/{folder}",
    )  # fmt: skip
    return str(answer("model-versions/create", made)["model_version"]["version"])
