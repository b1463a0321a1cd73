# SPDX-License-Identifier: Apache-2.0
"""Kinds of policies and of routes that this suite cannot read: that there are some is told.

What they admit adds up with what is read, or goes before it, so that a promise which is kept by all
that is read is not shown to be kept. Which kinds there are says the API server.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from mlflow_conformance.cluster.backends import NamedObject
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kinds import Resource
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.network_policy.policies import Direction

_FORBIDDEN = 403
_MOST = 3
# Not Istio's AuthorizationPolicy: what the network does not let through reaches no proxy of a mesh.
_POLICIES = re.compile(r"NetworkPolicy$")
_READ = frozenset({"networking.k8s.io", "cilium.io"})
"""Groups of whose kinds `mlflow_conformance.network_policy.promises` reads every one."""
# What Calico stages is not enforced; what OpenShift's SDN says of egress only takes away from what
# NetworkPolicies admit; a baseline is about pods that no NetworkPolicy isolates.
_ADMITTING_NOTHING = re.compile(r"^(Staged\w*|Egress|BaselineAdmin)NetworkPolicy$")
_BASELINE = "Baseline"
_TAKES_AWAY = frozenset({"deny", "drop", "reject", "pass", "log"})
"""Actions of rules after which no more is admitted than without them; in lower case."""
_SIDES = ("ingress", "egress", "types", "policyTypes")
"""Keys of a policy that has rules by direction, as all that are known have."""
_LEADING = re.compile(
    r"(Routes?|RouteGroup|IngressRoute\w*|\w+Ingress|HTTPProxy|VirtualService|VirtualServer|"
    r"VirtualServerRoute|TransportServer|Mapping|TargetGroupBinding)$"
)
"""Kinds that lead to Services from outside, of controllers of whatever name."""


def unread_policies(kube: Kube, direction: Direction) -> list[str]:
    """What keeps this suite from knowing all that is admitted to or from MLflow's namespace.

    A sentence for each kind: policies that this suite cannot read, or may not list, and that may
    admit something in this direction. One that only denies cannot.

    Raises:
        KubeFailed: the API server did not answer.
    """
    kinds = [
        r
        for r in kube.kinds.like(_POLICIES)
        if r.group not in _READ and not _ADMITTING_NOTHING.match(r.kind)
    ]
    return list(_told(kube, kinds, kube.namespace, lambda item: _admits(item["spec"], direction)))


def unread_routes(
    kube: Kube, services: Collection[NamedObject], read: Collection[str]
) -> list[str]:
    """What keeps this suite from knowing all ways from outside to some Services.

    A sentence for each kind: objects that name one of them, in a form that this suite cannot read.

    Args:
        read: kinds that are read, each named ``plural.group``.

    Raises:
        KubeFailed: the API server did not answer.
    """
    kinds = [r for r in kube.kinds.like(_LEADING) if f"{r.plural}.{r.group}" not in read]
    return list(_told(kube, kinds, "", lambda item: _names_one_of(item, services)))


def _told(
    kube: Kube,
    kinds: Collection[Resource],
    namespace: str,
    matters: Callable[[Mapping[str, Any]], bool],
) -> Iterator[str]:
    for kind in kinds:
        name = f"{kind.kind} ({kind.group})"
        try:
            items = kube.items(f"{kind.plural}.{kind.group}", namespace=namespace)
        except KubeFailed as refused:
            if refused.status != _FORBIDDEN:
                raise
            yield f"objects of the kind {name}, which may admit more, may not be listed"
            continue
        found = sorted(_name(item) for item in items if matters(item))
        if found:
            more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
            yield (f"this suite cannot read what {name} admits: {', '.join(found[:_MOST])}{more}")


def _admits(spec: Mapping[str, Any], direction: Direction) -> bool:
    """Whether a policy of unknown form may admit something in a direction."""
    if spec.get("tier") == _BASELINE:
        return False
    rules: object = spec
    if any(side in spec for side in _SIDES):
        rules = spec.get(direction.lower())
    if not rules:
        return False
    actions = {str(action).lower() for action in _values(rules, "action")}
    return not actions or not actions <= _TAKES_AWAY


def _names_one_of(item: Mapping[str, Any], services: Collection[NamedObject]) -> bool:
    """Whether an object of unknown form names a Service as one of its own or another namespace."""
    words = {word for text in _texts(item.get("spec")) for word in re.split(r"[/:]+", text)}
    own = item["metadata"].get("namespace", "")
    return any(
        (s.name in words and (s.namespace == own or s.namespace in words))
        or any(
            w == f"{s.name}.{s.namespace}" or w.startswith(f"{s.name}.{s.namespace}.")
            for w in words
        )
        for s in services
    )


def _values(node: object, key: str) -> Iterator[object]:
    match node:
        case dict():
            if key in node:
                yield node[key]
            for value in node.values():
                yield from _values(value, key)
        case list():
            for value in node:
                yield from _values(value, key)


def _texts(node: object) -> Iterator[str]:
    match node:
        case str():
            yield node
        case dict():
            for value in node.values():
                yield from _texts(value)
        case list():
            for value in node:
                yield from _texts(value)


def _name(item: Mapping[str, Any]) -> str:
    meta = item["metadata"]
    return f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else str(meta["name"])
