# SPDX-License-Identifier: Apache-2.0
"""The command `mlflow-conformance`: one module for each sub-command.

A module here imports little, so that `--help` and `version` answer at once; what a sub-command
does is imported when it is given.
"""

from mlflow_conformance.cli.command import app, main

__all__ = ["app", "main"]
