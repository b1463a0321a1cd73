# SPDX-License-Identifier: Apache-2.0
"""Which entries of the Secrets that pods use are credentials, by what they are called and hold."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.secret_uses import uses_of
from mlflow_conformance.core.credentials import credentials_in

_NO_CREDENTIALS = frozenset(
    {
        "kubernetes.io/tls",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/dockercfg",
        "kubernetes.io/service-account-token",
        "helm.sh/release.v1",
    }
)
"""Types of Secrets that hold nothing that somebody chose."""


@dataclass(frozen=True)
class UsedCredentials:
    """Entries of Secrets.

    Attributes:
        credentials: values, by ``secret/key``.
        others: the names of those that are none: certificates, whole files, names of accounts.
    """

    credentials: Mapping[str, str]
    others: frozenset[str]


def used_credentials(
    secrets: Iterable[Mapping[str, Any]], specs: Iterable[Mapping[str, Any]]
) -> UsedCredentials:
    """Of all entries that these specifications of pods use, those that are credentials.

    Args:
        secrets: of the namespace, as the API server has them.
    """
    by_name = {s["metadata"]["name"]: s for s in secrets if s.get("type") not in _NO_CREDENTIALS}
    called: dict[tuple[str, str], set[str]] = {}
    for spec in specs:
        for use in uses_of(spec):
            there = (by_name.get(use.secret) or {}).get("data") or {}
            for key in [use.key] if use.key else there:
                if key in there:
                    called.setdefault((use.secret, key), {key}).add(use.variable or key)
    credentials, others = {}, set()
    for (secret, key), names in called.items():
        value = base64.b64decode(by_name[secret]["data"][key]).decode("utf-8", "replace")
        found = list(credentials_in(value, names))
        credentials.update({f"{secret}/{key}": text for text in found})
        if not found:
            others.add(f"{secret}/{key}")
    return UsedCredentials(credentials, frozenset(others))
