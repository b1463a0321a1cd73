# SPDX-License-Identifier: Apache-2.0
"""Which entries of which Secrets pods get, as variables or files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True)
class SecretUse:
    """A Secret that a pod uses.

    Attributes:
        key: of the entry that is used; empty for all of them.
        variable: that it becomes; empty for a file, and for variables named as their keys.
    """

    secret: str
    key: str = ""
    variable: str = ""


def uses_of(spec: Mapping[str, Any]) -> Iterator[SecretUse]:
    """Every Secret that a pod's specification names, but those for pulling images."""
    for kind in _CONTAINERS:
        for container in spec.get(kind) or []:
            for variable in container.get("env") or []:
                source = (variable.get("valueFrom") or {}).get("secretKeyRef")
                if source:
                    yield SecretUse(source["name"], source["key"], variable["name"])
            for whole in container.get("envFrom") or []:
                if source := whole.get("secretRef"):
                    yield SecretUse(source["name"])
    for volume in spec.get("volumes") or []:
        if source := volume.get("secret"):
            yield from _files(source["secretName"], source)
        for part in (volume.get("projected") or {}).get("sources") or []:
            if source := part.get("secret"):
                yield from _files(source["name"], source)


def _files(secret: str, source: Mapping[str, Any]) -> Iterator[SecretUse]:
    items = source.get("items") or []
    if not items:
        yield SecretUse(secret)
    for item in items:
        yield SecretUse(secret, item["key"])
