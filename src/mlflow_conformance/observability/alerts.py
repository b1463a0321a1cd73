# SPDX-License-Identifier: Apache-2.0
"""The alerts of a deployment, as its PrometheusRules have them."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.observability.prometheus import seconds
from mlflow_conformance.observability.shipped import RULES

_KIND = f"{RULES}.monitoring.coreos.com"


def alerts_of(objects: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How long the expression of each alert must hold before it fires, seconds, by its name.

    Args:
        objects: manifests of any kind; those that are no PrometheusRules have none.
    """
    return {rule["alert"]: _for_s(rule) for thing in objects for rule in _alerts(thing)}


def in_namespace(kube: Kube) -> dict[str, float]:
    """`alerts_of` all PrometheusRules of the namespace.

    Raises:
        KubeFailed: they may not be listed, or the cluster has no such kind.
    """
    return alerts_of([{"kind": RULES, **thing} for thing in kube.items(_KIND)])


def hurried(objects: Sequence[Mapping[str, Any]], for_s: float | None) -> list[dict[str, Any]]:
    """The manifests; each `for` of an alert that is longer is shortened to this, if it is given."""
    made = [copy.deepcopy(dict(thing)) for thing in objects]
    for rule in (rule for thing in made for rule in _alerts(thing)):
        if for_s is not None and _for_s(rule) > for_s:
            rule["for"] = f"{for_s:g}s"
    return made


def _alerts(thing: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if thing["kind"] == RULES:
        for group in thing["spec"].get("groups") or []:
            yield from (rule for rule in group["rules"] if "alert" in rule)


def _for_s(rule: Mapping[str, Any]) -> float:
    return seconds(rule["for"]) if "for" in rule else 0
