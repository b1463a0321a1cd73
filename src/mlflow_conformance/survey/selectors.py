# SPDX-License-Identifier: Apache-2.0
"""Whether a selector of Kubernetes matches labels."""

from collections.abc import Mapping
from typing import Any


def covers(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels match a selector; an empty one matches all."""
    wanted = selector.get("matchLabels") or {}
    rules = selector.get("matchExpressions") or []
    return wanted.items() <= labels.items() and all(_holds(rule, labels) for rule in rules)


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """One of a selector's expressions. Source: Kubernetes, LabelSelectorRequirement."""
    value, values = labels.get(rule["key"]), rule.get("values") or []
    match rule["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
