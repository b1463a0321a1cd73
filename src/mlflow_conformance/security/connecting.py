# SPDX-License-Identifier: Apache-2.0
"""How a container is told to connect to MLflow's database."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

Entries = Callable[[str, str], Mapping[str, str]]
"""The entries of a ConfigMap or a Secret, by its kind and name."""

_ADDRESS = "MLFLOW_BACKEND_STORE_URI"
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""The weakest first (PostgreSQL documentation, libpq, SSL Mode Descriptions)."""


def ssl_mode(container: Mapping[str, Any], entries: Entries) -> str | None:
    """The `sslmode` of a container with the address of a database; None without an address.

    What the address itself says wins over `PGSSLMODE` (PostgreSQL documentation, libpq, Environment
    Variables); without either it is ``not set``.

    Raises:
        LookupError: a Secret cannot be read.
        KubeFailed: a ConfigMap cannot be read.
    """
    environment = dict(_environment(container, entries))
    if _ADDRESS not in environment:
        return None
    told = parse_qs(environment[_ADDRESS].partition("?")[2]).get("sslmode")
    return told[-1] if told else environment.get("PGSSLMODE") or "not set"


def weaker(mode: str, promised: str) -> bool:
    """Whether a mode protects less than another one; a word that libpq does not know does."""
    return mode not in _MODES or _MODES.index(mode) < _MODES.index(promised)


def _environment(container: Mapping[str, Any], entries: Entries) -> Iterator[tuple[str, str]]:
    """A container's variables, in the order in which later ones win."""
    for source in container.get("envFrom") or []:
        for kind, field in (("configmap", "configMapRef"), ("secret", "secretRef")):
            if reference := source.get(field):
                for key, value in entries(kind, reference["name"]).items():
                    yield f"{source.get('prefix') or ''}{key}", value
    for variable in container.get("env") or []:
        held = variable.get("valueFrom") or {}
        value = variable.get("value") or ""
        for kind, field in (("configmap", "configMapKeyRef"), ("secret", "secretKeyRef")):
            if reference := held.get(field):
                value = entries(kind, reference["name"]).get(reference["key"], "")
        yield variable["name"], value
