# SPDX-License-Identifier: Apache-2.0
"""Installations of a check's own beside the one under test: their secrets, and their removal."""

import base64
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from mlflow_conformance.cluster.inventory import Thing, inventory
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter

Secrets = Mapping[str, str]
"""Values in base64, as they are stored, by ``secret/key``."""

_IN_EVERY_NAMESPACE = (("serviceaccount", "default"), ("configmap", "kube-root-ca.crt"))
_NOT_OURS = ("helm.sh/release.v1", "kubernetes.io/service-account-token")


def secrets_in(kube: Kube, namespace: str) -> dict[str, str]:
    """Every entry of every Secret of a namespace; not those that helm keeps its releases in.

    Raises:
        KubeFailed: they cannot be read.
    """
    return _entries(kube.items("secret", namespace=namespace))


def rendered_secrets(objects: Collection[Mapping[str, Any]]) -> dict[str, str]:
    """Every entry of every Secret among rendered objects."""
    return _entries([thing for thing in objects if thing["kind"] == "Secret"])


def _entries(found: Collection[Mapping[str, Any]]) -> dict[str, str]:
    entries: dict[str, str] = {}
    for secret in found:
        if secret.get("type") in _NOT_OURS:
            continue
        name = secret["metadata"]["name"]
        texts = secret.get("stringData") or {}
        plain = {k: base64.b64encode(v.encode()).decode() for k, v in texts.items()}
        values = {**(secret.get("data") or {}), **plain}
        entries |= {f"{name}/{key}": value for key, value in values.items()}
    return entries


def key_of(entry: str) -> str:
    """``key`` of ``secret/key``."""
    return entry.partition("/")[2]


def shared(installs: Mapping[str, Secrets], public: Collection[str]) -> list[str]:
    """Entries that have the same value in two installations, and never the value itself.

    Args:
        installs: by a name.
        public: keys that are no secrets, such as names of accounts.
    """
    return [
        f"{entry} of {one} and {other}"
        for (one, mine), (other, theirs) in combinations(installs.items(), 2)
        for entry in sorted(mine.keys() & theirs.keys())
        if key_of(entry) not in public and mine[entry] == theirs[entry]
    ]


def differing(before: Secrets, after: Secrets) -> list[str]:
    """Entries that changed, came or went."""
    names = before.keys() | after.keys()
    return sorted(n for n in names if before.get(n) != after.get(n))


@dataclass
class Installation:
    """A namespace of a check's own to install into, and what the cluster held when it was new.

    Attributes:
        empties: what is called before the namespace is deleted, last one first.
    """

    kube: Kube
    name: str
    before: frozenset[Thing]
    empties: list[Callable[[], object]] = field(default_factory=list)

    @property
    def secrets(self) -> dict[str, str]:
        """The Secrets in it."""
        return secrets_in(self.kube, self.name)


@contextmanager
def installation(
    kube: Kube, name: str, make: Callable[[], object], waiter: Waiter
) -> Iterator[Installation]:
    """A namespace for as long as the context lasts; whatever is in it goes with it.

    Args:
        make: makes the namespace.

    Raises:
        Unusable: there is one of that name already.
        KubeFailed, TimedOut: it could not be made, or was not gone in time.
    """
    if kube.find("namespace", name) is not None:
        raise Unusable(
            f"There is a namespace {name} already, and a check would make it and delete it",
            remedy=f"If an earlier run left it: kubectl delete namespace {name}",
        )
    there: Installation | None = None
    try:
        make()
        own = kube.within(name)
        waiter.until(
            f"complete: the namespace {name}",
            lambda: [own.find(*thing) is not None for thing in _IN_EVERY_NAMESPACE],
            done=all,
            timeout="api reply",
        )
        there = Installation(own, name, inventory(kube))
        yield there
    finally:
        with uninterrupted():
            for empty in reversed(there.empties if there else []):
                empty()
            removed(kube, "namespace", name, waiter, timeout="namespace gone")
