# SPDX-License-Identifier: Apache-2.0
"""Everything that a cluster holds, so that what an installation leaves behind can be told."""

from collections.abc import Collection
from dataclasses import dataclass

from mlflow_conformance.cluster.kube import Kube

_EVENTS = "Event"
"""They are what happened, and leave by themselves."""
_DEPRECATED = ("ComponentStatus", "Endpoints")
"""Asking for them only brings warnings; EndpointSlices tell what Endpoints do."""


@dataclass(frozen=True, order=True)
class Thing:
    """One object; `namespace` is empty for those of the whole cluster."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


def inventory(kube: Kube) -> frozenset[Thing]:
    """Every object of every kind that can be listed, but events.

    Raises:
        KubeFailed: this user may not list something, or the server did not answer.
    """
    resources = [r for r in kube.kinds.listable() if r.kind not in (_EVENTS, *_DEPRECATED)]
    return frozenset(
        Thing(resource.kind, item["metadata"].get("namespace", ""), item["metadata"]["name"])
        for resource in resources
        for item in kube.items(f"{resource.plural}.{resource.group}", namespace="")
    )


def left_behind(
    before: Collection[Thing], after: Collection[Thing], namespace: str, passing: Collection[str]
) -> list[str]:
    """What is there after and was not before.

    Args:
        namespace: where everything counts.
        passing: kinds that come and go by themselves elsewhere, such as pods.
    """
    new = sorted(set(after) - set(before))
    return [str(t) for t in new if t.namespace == namespace or t.kind not in passing]
