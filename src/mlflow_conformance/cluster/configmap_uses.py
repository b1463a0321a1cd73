# SPDX-License-Identifier: Apache-2.0
"""Which ConfigMaps pods get as files."""

from collections.abc import Iterator, Mapping
from typing import Any


def mounted_by(spec: Mapping[str, Any]) -> Iterator[str]:
    """The name of every ConfigMap that a pod's specification mounts."""
    for volume in spec.get("volumes") or []:
        if source := volume.get("configMap"):
            yield source["name"]
        for part in (volume.get("projected") or {}).get("sources") or []:
            if source := part.get("configMap"):
                yield source["name"]
