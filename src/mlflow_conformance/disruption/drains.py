# SPDX-License-Identifier: Apache-2.0
"""Pods that a drain of their node would wait for in vain."""

from collections.abc import Iterator

from mlflow_conformance.cluster.eviction import evict
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.reading import ABSENT
from mlflow_conformance.cluster.view import PodView, read_pod


def drained(pod: PodView) -> bool:
    """Whether a drain evicts it: none of a DaemonSet or of the kubelet's own, none that ended."""
    return pod.owner not in ("DaemonSet", "Node") and not pod.finished


def held(kube: Kube) -> list[str]:
    """The pods of the namespace that may not be evicted now, and what the API server says of each.

    Nothing is evicted: each is asked for by a dry run.

    Raises:
        KubeFailed: pods cannot be listed, or the API server does not answer.
    """
    return list(_held(kube))


def _held(kube: Kube) -> Iterator[str]:
    for pod in map(read_pod, kube.items("pod")):
        if not drained(pod) or pod.terminating:
            continue
        try:
            said = evict(kube, pod.name, dry_run=True)
        except KubeFailed as problem:
            if problem.status == ABSENT:
                continue
            if problem.status is None:
                raise
            yield f"{pod.name}: {problem}"
            continue
        if said.reason:
            yield f"{pod.name}: {said.message or said.reason}"
