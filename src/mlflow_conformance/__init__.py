# SPDX-License-Identifier: Apache-2.0
"""Conformance and chaos suite for MLflow on Kubernetes."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("mlflow-conformance")
except PackageNotFoundError:  # the runner pod holds the sources without their metadata
    __version__ = "0+source"
