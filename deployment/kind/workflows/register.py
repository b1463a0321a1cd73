# SPDX-License-Identifier: Apache-2.0
"""Registers the model of a run as a version."""

import os
from pathlib import Path

import mlflow

model = f"runs:/{os.environ['RUN_ID']}/model"
version = mlflow.register_model(model, os.environ["MODEL"])
Path(os.environ["OUTPUT"]).write_text(str(version.version))
