# SPDX-License-Identifier: Apache-2.0
"""Stands a deployment up on a kind cluster of our own: host, images, cluster, release."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlflow_conformance.run import Run
from mlflow_conformance.target.base import Target

if TYPE_CHECKING:
    from mlflow_conformance.session import TargetOptions


@contextmanager
def standing(options: "TargetOptions", run: Run) -> Iterator[Target]:
    """The deployment that the profile names, on a cluster of our own."""
    raise NotImplementedError
    yield
