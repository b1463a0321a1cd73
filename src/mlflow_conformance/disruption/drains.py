# SPDX-License-Identifier: Apache-2.0
"""Pods that a drain of their node would wait for in vain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.eviction import evict
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.reading import ABSENT
from mlflow_conformance.cluster.selectors import matches
from mlflow_conformance.cluster.view import PodView, read_pod


@dataclass(frozen=True)
class HeldPod:
    """A pod that may not be evicted now.

    Attributes:
        said: what the API server says of it.
        operator: whose budget selects it, ``Kind/name``, where a controller made that. Operators
            of databases refuse the eviction of their primary until another one has taken over,
            which they see to when the node is cordoned. Empty for a budget that people made.
    """

    pod: str
    said: str
    operator: str = ""

    def __str__(self) -> str:
        return f"{self.pod}: {self.said}"


def drained(pod: PodView) -> bool:
    """Whether a drain evicts it: none of a DaemonSet or of the kubelet's own, none that ended."""
    return pod.owner not in ("DaemonSet", "Node") and not pod.finished


def held(kube: Kube) -> list[HeldPod]:
    """The pods of the namespace that may not be evicted now, and what the API server says of each.

    Nothing is evicted: each is asked for by a dry run.

    Raises:
        KubeFailed: pods or budgets cannot be listed, or the API server does not answer.
    """
    refused = list(_refused(kube))
    if not refused:
        return []
    budgets = kube.items("poddisruptionbudget")
    return [HeldPod(pod.name, said, _operator(budgets, pod)) for pod, said in refused]


def _refused(kube: Kube) -> Iterator[tuple[PodView, str]]:
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
            yield pod, str(problem)
            continue
        if said.reason:
            yield pod, said.message or said.reason


def _operator(budgets: list[dict[str, Any]], pod: PodView) -> str:
    """Whose every budget of a pod is; empty when one of them is nobody's, or two have it."""
    owners = [_owner(b) for b in budgets if matches(b["spec"].get("selector") or {}, pod.labels)]
    return owners[0] if len(owners) == 1 else ""


def _owner(budget: Mapping[str, Any]) -> str:
    references = budget["metadata"].get("ownerReferences") or []
    return next((f"{o['kind']}/{o['name']}" for o in references if o.get("controller")), "")
