# SPDX-License-Identifier: Apache-2.0
"""Whether everything that is set in a namespace is what it was, and every workload whole again."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from mlflow_conformance.cluster import workloads
from mlflow_conformance.cluster.kept import comparable
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter

_KINDS = (
    *workloads.KINDS,
    "cronjob",
    "configmap",
    "secret",
    "service",
    "serviceaccount",
    "role",
    "rolebinding",
    "ingress",
    "networkpolicy",
    "persistentvolumeclaim",
    "poddisruptionbudget",
    "horizontalpodautoscaler",
)
"""Kinds of what people set; what controllers make of it, such as pods and Jobs, comes and goes."""
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OF_HELM = "helm.sh/release.v1"
"""The type of Secrets in which Helm keeps a line for each time that a release was touched."""
_MOST = 5

Settings = Mapping[str, Mapping[str, Any]]
"""Objects by kind and name, without what the API server and controllers write by themselves."""


def settings(kube: Kube) -> Settings:
    """Everything that is set in the namespace now.

    Raises:
        KubeFailed: it cannot be read.
    """
    found = {
        kind: [comparable(item) for item in kube.items(kind) if item.get("type") != _OF_HELM]
        for kind in _KINDS
    }
    for item in (i for items in found.values() for i in items):
        _without(item, _APPLIED)  # what kubectl remembers of a line that somebody typed
    scaled = {
        (target["kind"].lower(), target["name"])
        for item in found["horizontalpodautoscaler"]
        if (target := item["spec"]["scaleTargetRef"])
    }
    for kind in workloads.KINDS:
        for item in found[kind]:
            # A restart changes nothing that is set, and how many there are is the autoscaler's.
            _without(item["spec"]["template"], _RESTARTED)
            if (kind, item["metadata"]["name"]) in scaled:
                item["spec"].pop("replicas", None)
    return {f"{kind} {i['metadata']['name']}": i for kind in _KINDS for i in found[kind]}


def _without(annotated: Mapping[str, Any], name: str) -> None:
    ((annotated.get("metadata") or {}).get("annotations") or {}).pop(name, None)


def differences(before: Settings, now: Settings) -> list[str]:
    """What is not as it was: objects and the places in them, without a value, which can be secret.

    Of many places in one object the first ones.
    """
    told = [f"{name} is gone" for name in before if name not in now]
    told += [f"{name} is new" for name in now if name not in before]
    for name in before:
        if name in now:
            places = list(_places("", before[name], now[name]))
            more = f" and {len(places) - _MOST} more" if len(places) > _MOST else ""
            if places:
                told.append(f"{name} differs in {', '.join(places[:_MOST])}{more}")
    return told


def _places(where: str, before: object, now: object) -> Iterator[str]:
    """Where two values differ."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in [*before, *(k for k in now if k not in before)]:
            here = f"{where}.{key}" if where else str(key)
            yield from _places(here, _some(before.get(key)), _some(now.get(key)))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from _places(f"{where}[{number}]", old, new)
    elif before != now:
        yield where


def _some(value: object) -> object:
    """None for an empty mapping, as one is whose annotations were left out above."""
    return None if value == {} else value


def wait_whole(kube: Kube, waiter: Waiter) -> None:
    """Wait until every workload of the namespace has all of its pods, new and ready.

    Raises:
        TimedOut: one has not in time.
        KubeFailed: they cannot be read.
    """
    waiter.until(
        "whole again: every workload",
        partial(_not_whole, kube),
        done=lambda waiting: not waiting,
        timeout="whole again",
        interval_s=1,
    )


def _not_whole(kube: Kube) -> list[str]:
    return [
        f"{kind} {item['metadata']['name']}: {rollout}"
        for kind in workloads.KINDS
        for item in kube.items(kind)
        if not (rollout := workloads.read(item)).complete
    ]
