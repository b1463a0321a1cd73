# SPDX-License-Identifier: Apache-2.0
"""Images and resources of a pod's specification."""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from mlflow_conformance.security.thresholds import Amounts

_REFERENCE = re.compile(r"(?P<name>.+?)(?::(?P<tag>[\w.-]{1,128}))?(?:@(?P<digest>sha256:\w{64}))?")


def pinned(image: str) -> bool:
    """Whether an image reference names one version: a digest, or a tag with a number.

    A tag of words alone, such as ``latest``, ``main`` or ``stable``, is moved to what is newest.
    """
    match = _REFERENCE.fullmatch(image)
    if match is None:
        return False
    return match["digest"] is not None or re.search(r"\d", match["tag"] or "") is not None


def deviations(promised: Amounts, container: Mapping[str, Any]) -> Iterator[str]:
    """How a container's resources differ from the promised ones.

    Amounts are compared as amounts: ``1`` is ``1000m``. What is not promised may be anything.
    """
    actual = container.get("resources") or {}
    for kind, amounts in promised.items():
        for resource, amount in amounts.items():
            seen = (actual.get(kind) or {}).get(resource)
            if seen is None or parse_quantity(seen) != parse_quantity(amount):
                yield f"{kind} {resource} is {seen or 'not set'}, promised {amount}"


def largest_node(nodes: Iterable[Mapping[str, Any]]) -> Decimal:
    """The memory that the largest node has for pods, bytes; infinite where none is known."""
    amounts = [node["status"].get("allocatable", {}).get("memory") for node in nodes]
    known = [Decimal(parse_quantity(amount)) for amount in amounts if amount]
    return max(known, default=Decimal("Infinity"))


def unbounded(container: Mapping[str, Any], largest: Decimal) -> str | None:
    """Why a container may take all memory of its node; None when it may not.

    Args:
        largest: as `largest_node` tells it.
    """
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    if limit is None:
        return "no limit"
    return f"{limit} is more than any node has" if parse_quantity(limit) > largest else None
