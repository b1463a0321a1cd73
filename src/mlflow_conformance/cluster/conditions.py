# SPDX-License-Identifier: Apache-2.0
"""What an object says of itself in the conditions of its status."""

from collections.abc import Mapping
from typing import Any


def holds(thing: Mapping[str, Any], condition: str) -> bool:
    """Whether a condition, such as ``Ready`` of a pod or node, is true; unknown is not."""
    conditions = (thing.get("status") or {}).get("conditions") or []
    return any(c["type"] == condition and c["status"] == "True" for c in conditions)
