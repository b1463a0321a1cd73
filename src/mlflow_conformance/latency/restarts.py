# SPDX-License-Identifier: Apache-2.0
"""Containers of a deployment that end under a load, and are started again before anybody looks."""

from collections.abc import Mapping

from mlflow_conformance.cluster.container_statuses import statuses
from mlflow_conformance.target.base import Target

Restarts = Mapping[tuple[str, str], int]
"""How often a container was restarted, by its pod's UID and by what people call it."""


def restarts(target: Target) -> Restarts:
    """Of every container of MLflow, PostgreSQL and the object store, as far as they are in here.

    Raises:
        KubeFailed: the pods may not be listed.
    """
    names, kube = target.names, target.need_kube()
    parts = [names.mlflow.selector]
    parts += [p.selector for p in (names.postgresql, names.s3) if p is not None and p.selector]
    return {
        (pod.uid, f"{pod.name}: {status['name']}"): status.get("restartCount", 0)
        for selector in parts
        for pod in kube.pods(selector)
        if pod.replica
        for status in statuses(pod.raw, init=False)
    }


def ended(before: Restarts, after: Restarts) -> list[str]:
    """The containers that were restarted between two looks, also those of pods made meanwhile."""
    return sorted(key[1] for key, count in after.items() if count > before.get(key, 0))
