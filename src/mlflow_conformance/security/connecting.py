# SPDX-License-Identifier: Apache-2.0
"""How containers are told to connect to MLflow's database."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

Entries = Callable[[str, str], Mapping[str, str]]
"""The entries of a ConfigMap or a Secret, by its kind and name."""

_ADDRESS = "MLFLOW_BACKEND_STORE_URI"
_OF_POSTGRESQL = re.compile(r"postgres(ql)?(\+\w+)?://")
_HOST = re.compile(r"[^:]*://(?:[^/?#]*@)?([^/?#:]*)")
_NUMBERS = re.compile(r"[\d.]+")
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""The weakest first (PostgreSQL documentation, libpq, SSL Mode Descriptions)."""


@dataclass(frozen=True)
class ToldServer:
    """A server that a container is told of.

    Attributes:
        host: as the container is told it.
        mode: the `sslmode` for it; ``not set`` without one.
        is_mlflows: it is the address that MLflow's server takes its own from.
    """

    host: str
    mode: str
    is_mlflows: bool = False


def told(container: Mapping[str, Any], entries: Entries) -> list[ToldServer]:
    """Every server of PostgreSQL that a container's variables name, by address or by `PGHOST`.

    What an address itself says wins over `PGSSLMODE` (PostgreSQL documentation, libpq, Environment
    Variables).

    Raises:
        LookupError: a Secret or a ConfigMap cannot be read.
    """
    environment = dict(_environment(container, entries))
    default = environment.get("PGSSLMODE") or "not set"
    found = []
    for name, value in environment.items():
        if name == _ADDRESS or _OF_POSTGRESQL.match(value):
            modes = parse_qs(value.partition("?")[2]).get("sslmode") or [default]
            host = _HOST.match(value)
            found.append(ToldServer(host[1] if host else "", modes[-1], name == _ADDRESS))
    host_alone = environment.get("PGHOST") or "/"
    if not host_alone.startswith("/"):  # a folder of sockets
        found.append(ToldServer(host_alone, default))
    return found


def is_one_of(host: str, servers: Collection[str]) -> bool:
    """Whether a host is one of some servers: a Service has longer names and a short one."""
    return host in servers or (
        _NUMBERS.fullmatch(host) is None and _short(host) in {_short(s) for s in servers}
    )


def weakest(modes: Iterable[str]) -> str:
    """The mode of several that protects least.

    Raises:
        ValueError: there is none.
    """
    return min(modes, key=_strength)


def weaker(mode: str, promised: str) -> bool:
    """Whether a mode protects less than another one; a word that libpq does not know does."""
    return _strength(mode) < _strength(promised)


def _strength(mode: str) -> int:
    return _MODES.index(mode) if mode in _MODES else -1


def _short(host: str) -> str:
    return host.partition(".")[0]


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
