# SPDX-License-Identifier: Apache-2.0
"""What pods ask of the scheduler: on which nodes they may be, and not to be all on one."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

from mlflow_conformance.cluster.selectors import Labels, matches

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def may_run(pod: Mapping[str, Any], node: Labels) -> bool:
    """Whether a pod's node selector and required node affinity take a node with these labels.

    Terms that name nodes by their fields, as those of DaemonSets do, count as fulfilled.
    """
    spec = pod["spec"]
    if not (spec.get("nodeSelector") or {}).items() <= node.items():
        return False
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED)
    terms = required["nodeSelectorTerms"] if required else [{}]
    return any(all(_fits(e, node) for e in t.get("matchExpressions") or []) for t in terms)


def _fits(wanted: Mapping[str, Any], labels: Labels) -> bool:
    if wanted["operator"] not in ("Gt", "Lt"):
        return matches({"matchExpressions": [wanted]}, labels)
    here, bound = labels.get(wanted["key"], ""), int(wanted["values"][0])
    if not here.lstrip("-").isdecimal():
        return False
    return int(here) > bound if wanted["operator"] == "Gt" else int(here) < bound


def asks_for_spread(pod: Mapping[str, Any], nodes: Collection[Labels]) -> bool:
    """Whether a pod asks not to be where others of its kind are, as a wish or as a condition.

    What it asks must be about pods with its own labels, and about a label by which nodes differ.

    Args:
        nodes: the labels of each node that it may run on.
    """
    own = pod["metadata"].get("labels") or {}
    return any(
        matches(selector, own) and len({n.get(key) for n in nodes} - {None}) > 1
        for key, selector in _asked(pod)
    )


def _asked(pod: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Labels of nodes by which pods are to be apart, each with the selector of these pods."""
    spec, home = pod["spec"], pod["metadata"].get("namespace")
    against = (spec.get("affinity") or {}).get("podAntiAffinity") or {}
    wishes = (wish["podAffinityTerm"] for wish in against.get(_PREFERRED) or [])
    spreads = spec.get("topologySpreadConstraints") or []
    for term in chain(against.get(_REQUIRED) or [], wishes, spreads):
        # Without a selector it is about no pod (Kubernetes API, PodAffinityTerm).
        elsewhere = term.get("namespaces") and home not in term["namespaces"]
        if term.get("labelSelector") is not None and not elsewhere:
            yield term["topologyKey"], term["labelSelector"]
