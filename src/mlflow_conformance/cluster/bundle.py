# SPDX-License-Identifier: Apache-2.0
"""Objects of one namespace, read and never changed, for whoever wants to know what is there."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube

KINDS = (
    "deployment", "statefulset", "pod", "service", "endpoints", "horizontalpodautoscaler",
    "poddisruptionbudget", "ingress", "networkpolicy", "cronjob", "configmap",
    "httproute.gateway.networking.k8s.io", "servicemonitor.monitoring.coreos.com",
)  # fmt: skip
"""What is listed. Of Secrets only the names are; a few are then read one by one."""


_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class Bundle:
    """Objects of a namespace as the API server, or a rendered manifest, has them.

    Attributes:
        unreadable: why objects could not be read, by kind or by ``secret/NAME``.
    """

    namespace: str
    objects: Sequence[Mapping[str, Any]]
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[Mapping[str, Any]]:
        """All objects of these kinds in the namespace, by name."""
        found = [
            o
            for o in self.objects
            if o["kind"] in kinds
            and o["metadata"].get("namespace", self.namespace) == self.namespace
        ]
        return sorted(found, key=lambda o: str(o["metadata"]["name"]))

    def named(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """One object, or None."""
        return next((o for o in self.of(kind) if o["metadata"]["name"] == name), None)

    def entries(self, kind: str, name: str) -> Mapping[str, str] | None:
        """The decoded entries of a ConfigMap or Secret; None when it is not there."""
        found = self.named(kind, name)
        if found is None:
            return None
        plain = {**(found.get("data") or {})} if kind == "ConfigMap" else _decoded(found)
        return {str(k): str(v) for k, v in plain.items()}


def read(kube: Kube) -> Bundle:
    """Everything of `KINDS` in the namespace, and which namespaces there are.

    What may not be listed is told, kind by kind.

    Raises:
        KubeFailed: the API server does not answer at all.
    """
    objects: list[Mapping[str, Any]] = []
    unreadable: dict[str, str] = {}
    known = _kinds(kube)
    for kind in KINDS:
        if "." in kind and kind not in known:
            continue  # the cluster has no such kind, so there is no object of it
        try:
            objects += kube.items(kind)
        except KubeFailed as problem:
            if problem.status is None:
                raise
            unreadable[kind] = f"{problem.status} {problem.reason}"
    try:
        objects += kube.items("namespace")
    except KubeFailed as problem:
        unreadable["namespace"] = f"{problem.status} {problem.reason}"
    try:
        objects += _names_of_secrets(kube)
    except KubeFailed as problem:
        unreadable["secret"] = f"{problem.status} {problem.reason}"
    return Bundle(kube.namespace, objects, unreadable)


def _names_of_secrets(kube: Kube) -> list[Mapping[str, Any]]:
    """Secrets without what is in them."""
    path = kube.kinds.named("secret").path(kube.namespace)
    found = kube.api.json("list names of secrets", "GET", path, accept=_METADATA)
    return [{**s, "kind": "Secret"} for s in found.get("items") or []]


def with_secrets(bundle: Bundle, kube: Kube, names: Iterable[str]) -> Bundle:
    """The same with these Secrets, as far as they may be read."""
    wanted, unreadable = set(names), dict(bundle.unreadable)
    objects = [
        o for o in bundle.objects if o["kind"] != "Secret" or o["metadata"]["name"] not in wanted
    ]
    for name in sorted(wanted):
        try:
            objects.append(kube.get("secret", name))
        except KubeFailed as problem:
            unreadable[f"secret/{name}"] = f"{problem.status or 'no answer'} {problem.reason}"
    return Bundle(bundle.namespace, objects, unreadable)


def _kinds(kube: Kube) -> set[str]:
    return {f"{kind.kind.lower()}.{kind.group}" for kind in kube.kinds.listable()}


def _decoded(secret: Mapping[str, Any]) -> dict[str, str]:
    return dict(_of_secret(secret))


def _of_secret(secret: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in (secret.get("data") or {}).items():
        yield key, base64.b64decode(value or "").decode("utf-8", "replace")
    yield from (secret.get("stringData") or {}).items()
