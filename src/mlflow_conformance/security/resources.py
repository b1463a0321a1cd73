# SPDX-License-Identifier: Apache-2.0
"""Images and resources of a pod's specification."""

import re
from collections.abc import Iterator, Mapping
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
