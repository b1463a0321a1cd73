# SPDX-License-Identifier: Apache-2.0
"""Operators on manifests: classes of single changes, the same for every deployment.

drop
    a field, a rule, an environment variable, an argument or any other item of a list is gone
half, double, one
    a number, a quantity, a time, alone or as the only number of an argument
flip
    a switch is turned
other
    a word of one of Kubernetes' enumerations is the one that promises less
widen
    a selector takes everything, a list of hosts or networks everybody
loosen
    a container, a pod or a policy may what nobody asked for
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mlflow_conformance.mutants.candidates.edits import Edit, added, removed, replaced
from mlflow_conformance.mutants.candidates.places import Place, below
from mlflow_conformance.mutants.candidates.values import others

_SELECTORS = frozenset(
    {"podSelector", "namespaceSelector", "labelSelector", "selector", "endpointSelector"}
)
_NETWORKS = {"cidr": "0.0.0.0/0"}
_HOSTS = re.compile(r"(--[\w-]*(?:hosts|origins)=|^)([^=]*,.*)")
_IDENTITIES = frozenset({"apiVersion", "kind", "name", "namespace", "image", "status"})
"""Who something is, or which program: another one is another deployment, no change of this."""
_PORTS = frozenset({"port", "containerPort", "targetPort", "nodePort", "hostPort"})
_NUMBERED = frozenset({"runAsUser", "runAsGroup", "fsGroup", "defaultMode", "mode", "path"})
"""Numbers that are no amounts."""
_CONTAINER: Mapping[str, Mapping[str, Any]] = {
    "privileged": {"privileged": True, "allowPrivilegeEscalation": True},
    "root": {"runAsUser": 0, "runAsNonRoot": False},
    "capability": {"capabilities": {"add": ["NET_RAW"]}},
}
_POD: Mapping[str, Any] = {
    "hostNetwork": True, "hostPID": True, "automountServiceAccountToken": True,
    "shareProcessNamespace": True,
}  # fmt: skip


def edits(manifest: Mapping[str, Any], selected: Collection[str]) -> Iterator[Edit]:
    """Every change of a manifest, in the order of its lines.

    Args:
        selected: the keys of labels that some selector of the deployment names; nothing that is
            deployed acts on others.
    """
    for key, value in manifest.items():
        here = Place().to(key)
        if key == "metadata":
            yield from _metadata(manifest, selected)
        elif key not in _IDENTITIES and key not in ("data", "stringData", "binaryData"):
            yield from _whole(here, value, selected)


def _metadata(manifest: Mapping[str, Any], selected: Collection[str]) -> Iterator[Edit]:
    """What controllers read of an object's own metadata."""
    meta = Place().to("metadata")
    about = manifest["metadata"]
    if manifest["kind"] == "Namespace":
        yield from _labels(meta.to("labels"), about.get("labels") or {}, selected)
    if manifest["kind"] in ("Ingress", "Service"):
        for place, value in below(about.get("annotations") or {}, meta.to("annotations")):
            yield removed(place)
            yield from _other(place, value)


def _labels(here: Place, labels: Mapping[str, str], selected: Collection[str]) -> Iterator[Edit]:
    for place, value in below(labels, here):
        if place.keys[-1] in selected or "pod-security" in str(place.keys[-1]):
            yield removed(place)
            yield from _other(place, value)


def _whole(here: Place, value: Any, selected: Collection[str]) -> Iterator[Edit]:
    if here.depth > 1:
        yield removed(here)
    yield from _within(here, value, selected)


def _within(here: Place, value: Any, selected: Collection[str]) -> Iterator[Edit]:
    """Changes of a value and of what is in it, but not its removal."""
    yield from _other(here, value)
    if isinstance(here.keys[-1], str) and isinstance(value, Mapping):
        if here.last in _SELECTORS and value:
            yield replaced("widen", here, "a selection", {})
        if here.last == "metadata":  # of pods that a template makes
            yield from _labels(here.to("labels"), value.get("labels") or {}, selected)
            return
    yield from _loosened(here, value)
    inner = [(p, v) for p, v in below(value, here) if p.keys[-1] not in _IDENTITIES]
    for place, part in inner:
        # Without the only thing in it a part is as good as not there, and that is a change above.
        if len(inner) == 1 and here.depth > 1 and isinstance(value, Mapping | list):
            yield from _within(place, part, selected)
        elif here.last in ("env", "envFrom") and isinstance(value, list):
            yield removed(place)
            if isinstance(part, Mapping) and "value" in part:
                yield from _other(place.to("value"), part["value"])
        else:
            yield from _whole(place, part, selected)


def _other(place: Place, value: Any) -> Iterator[Edit]:
    last = place.last
    if last in _IDENTITIES | _PORTS | _NUMBERED or (isinstance(value, str) and "port=" in value):
        return
    if last in _NETWORKS and value != _NETWORKS[last]:
        yield replaced("widen", place, value, _NETWORKS[last])
    if isinstance(value, str) and (hosts := _HOSTS.fullmatch(value)):
        yield replaced("widen", place, value, f"{hosts[1]}*")
        return
    for operator, other in others(value):
        yield replaced(operator, place, value, other)


def _loosened(here: Place, value: Any) -> Iterator[Edit]:
    match value:
        case {"image": str()}:
            yield from _container(here, value)
        case {"containers": list()}:
            for key, loose in _POD.items():
                if value.get(key) is None:
                    yield added("loosen", here.to(key), loose)
        case {"policyTypes": list(), "podSelector": dict()}:
            for direction in ("ingress", "egress"):
                if {} not in value.get(direction, []):
                    yield added("loosen", here.to(direction), [{}])


def _container(here: Place, container: Mapping[str, Any]) -> Iterator[Edit]:
    context = container.get("securityContext") or {}
    place = here.to("securityContext")
    for name, loose in _CONTAINER.items():
        yield Edit(f"loosen-{name}", place, f"has {_spelled(loose)}", "add", {**context, **loose})


def _spelled(values: Mapping[str, Any]) -> str:
    return " and ".join(f"{key} {value}" for key, value in values.items())
