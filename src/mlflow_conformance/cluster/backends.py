# SPDX-License-Identifier: Apache-2.0
"""The Services that an Ingress or a route leads to, whatever its form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class NamedObject:
    """An object by its namespace and name."""

    namespace: str
    name: str

    def seen_from(self, namespace: str) -> str:
        """Its name for people, with its namespace where that is another one."""
        return self.name if self.namespace == namespace else f"{self.namespace}/{self.name}"


def backends(spec: Mapping[str, Any], own: str) -> set[NamedObject]:
    """The Services that the specification of an Ingress or a route names.

    Args:
        own: the namespace of the Ingress or the route: of its backends, unless they name another.
    """
    return {NamedObject(where or own, name) for name, where in _named_services(spec)}


def _named_services(node: object) -> Iterator[tuple[str, str | None]]:
    """Services by their names, with the namespace that is named."""
    match node:
        case {"service": {"name": str(name)}}:  # a backend of an Ingress
            yield name, None
        case {"to": {"kind": "Service", "name": str(name)}, **rest}:  # a Route of OpenShift
            yield name, None
            yield from _named_services({"services": rest.get("alternateBackends")})
        # A rule of a Gateway API route, or a route of Traefik.
        case {"backendRefs": list(references)} | {"services": list(references)}:
            yield from (
                (r["name"], r.get("namespace"))
                for r in references
                if r.get("kind", "Service") == "Service"
            )
        case dict():
            for value in node.values():
                yield from _named_services(value)
        case list():
            for value in node:
                yield from _named_services(value)
