# SPDX-License-Identifier: Apache-2.0
"""Everything that a cluster holds, so that what an installation leaves behind can be told."""

from collections.abc import Collection
from dataclasses import dataclass

from mlflow_conformance.cluster.kube import Kube

_EVENTS = ("events", "events.events.k8s.io")
"""They are what happened, and leave by themselves."""
_DEPRECATED = ("componentstatuses", "endpoints")
"""Asking for them only brings warnings; EndpointSlices tell what Endpoints do."""
_COLUMNS = "custom-columns=KIND:.kind,SPACE:.metadata.namespace,NAME:.metadata.name"
_TIMEOUT_S = 120.0


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
        KubectlFailed: this user may not list something, or the server did not answer.
    """
    listable = kube.run("api-resources", "--verbs=list", "--output=name", namespace="").split()
    kinds = [k for k in listable if k not in _EVENTS + _DEPRECATED]
    text = kube.run(
        "get", ",".join(kinds), "--all-namespaces", "--ignore-not-found", "--no-headers",
        f"--output={_COLUMNS}", namespace="", timeout_s=_TIMEOUT_S,
    )  # fmt: skip
    return frozenset(_thing(line) for line in text.splitlines() if line.strip())


def _thing(line: str) -> Thing:
    kind, namespace, name = line.split(maxsplit=2)
    return Thing(kind, "" if namespace == "<none>" else namespace, name.strip())


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
