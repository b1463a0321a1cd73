# SPDX-License-Identifier: Apache-2.0
"""Which entries of a namespace's Secrets are credentials, by what they are called and hold."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.secret_uses import uses_of
from mlflow_conformance.cluster.templates import templates
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
_BEGINS, _ENDS = "PRIVATE KEY-----", "-----END"


@dataclass(frozen=True)
class KeptCredentials:
    """Entries of Secrets.

    Attributes:
        credentials: values, by ``secret/key``.
        private_keys: one line of each, by ``secret/key``. It is from the middle: what a key begins
            or ends with may stand in its certificate as well.
        others: the names of those that are no credentials: certificates, whole files, names of
            accounts.
    """

    credentials: Mapping[str, str]
    private_keys: Mapping[str, str]
    others: frozenset[str]


def kept_in(kube: Kube) -> KeptCredentials:
    """What the Secrets of the namespace hold, by the names that its pods and templates give it too.

    Raises:
        KubeFailed: they cannot be read.
    """
    specs = [*(pod.raw["spec"] for pod in kube.pods({})), *(spec for _, spec in templates(kube))]
    return kept_credentials(kube.items("secret"), specs)


def kept_credentials(
    secrets: Sequence[Mapping[str, Any]], specs: Iterable[Mapping[str, Any]]
) -> KeptCredentials:
    """Of all entries of Secrets those that are credentials, whether pods use them or not.

    Args:
        secrets: of the namespace, as the API server has them.
        specs: of pods, whose variables are further names of entries.
    """
    by_name = {s["metadata"]["name"]: s for s in secrets if s.get("type") not in _NO_CREDENTIALS}
    called = {
        (name, key): {key} for name, secret in by_name.items() for key in secret.get("data") or {}
    }
    for use in (use for spec in specs for use in uses_of(spec)):
        if use.variable and (use.secret, use.key) in called:
            called[use.secret, use.key].add(use.variable)
    credentials, others = {}, set()
    for (secret, key), names in called.items():
        found = list(credentials_in(_text(by_name[secret]["data"][key]), names))
        credentials.update({f"{secret}/{key}": text for text in found})
        if not found:
            others.add(f"{secret}/{key}")
    return KeptCredentials(credentials, _private_keys(secrets), frozenset(others))


def _private_keys(secrets: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    found = {}
    for secret in secrets:
        for key, encoded in (secret.get("data") or {}).items():
            lines = _body(_text(encoded))
            if lines:
                found[f"{secret['metadata']['name']}/{key}"] = lines[len(lines) // 2]
    return found


def _body(text: str) -> list[str]:
    """The lines of the first private key of a text."""
    inside = text.partition(_BEGINS)[2].partition(_ENDS)[0]
    return [line for line in map(str.strip, inside.splitlines()) if line and ":" not in line]


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode("utf-8", "replace")
