# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' label selectors: what one matches, what it asks for, and whom a policy is about."""

from collections.abc import Mapping
from itertools import product
from typing import Any

Labels = Mapping[str, str]
NAME_OF_NAMESPACE = "kubernetes.io/metadata.name"
"""The label by which the API server marks every namespace with its own name."""
SERVICE_OF_SLICE = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names the Service whose endpoints it holds."""


def matches(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Whether a label selector matches labels (Kubernetes API, LabelSelector)."""
    if not (selector.get("matchLabels") or {}).items() <= labels.items():
        return False
    for wanted in selector.get("matchExpressions") or []:
        key, values = wanted["key"], wanted.get("values") or []
        holds = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not holds[wanted["operator"]]:
            return False
    return True


def is_about(policy: Mapping[str, Any], direction: str, pod: Labels) -> bool:
    """Whether a NetworkPolicy's specification is about a pod's Ingress or Egress.

    Without types it is about what comes in, and with rules of egress about what goes out as well
    (Kubernetes API, NetworkPolicySpec).
    """
    types = policy.get("policyTypes") or (
        ["Ingress", "Egress"] if policy.get("egress") else ["Ingress"]
    )
    return direction in types and matches(policy.get("podSelector") or {}, pod)


def asked(selector: Mapping[str, Any]) -> list[Labels]:
    """The labels that a selector asks for, one mapping for each way to fulfil it.

    What it asks for in another way than by values (NotIn, Exists) does not narrow what is told:
    the peer then counts as wider than it is, which a promise has to spell out.
    """
    fixed = dict(selector.get("matchLabels") or {})
    choices = [
        [(wanted["key"], value) for value in wanted["values"]]
        for wanted in selector.get("matchExpressions") or []
        if wanted["operator"] == "In"
    ]
    return [{**fixed, **dict(chosen)} for chosen in product(*choices)]
