# SPDX-License-Identifier: Apache-2.0
"""One namespace of one cluster, and everything that can be done there."""

from mlflow_conformance.cluster.kubectl import Kubectl
from mlflow_conformance.cluster.pods import Pods
from mlflow_conformance.cluster.writing import Writing


class Kube(Pods, Writing, Kubectl):
    """The API for whatever it can; kubectl for lines that people type, and commands in containers.

    It is read in `reading` and `pods`, changed in `writing`, and typed into in `kubectl`.
    """
