# SPDX-License-Identifier: Apache-2.0
"""Where else than in their Secret credentials appear."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.strength import WORD_BITS, bits

_PUBLIC = (
    "configmap",
    "pod",
    "deployment",
    "statefulset",
    "cronjob",
    "job",
    "ingress",
    "service",
    "event",
)
"""Kinds that people read without the right to read Secrets."""


def spellings(credential: str) -> set[str]:
    """How a credential may be written down: as it is, in JSON, in base64, or in a URL."""
    return {
        credential,
        *(json.dumps(credential, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)),
        base64.b64encode(credential.encode()).decode(),
        quote(credential, safe=""),
    }


def sought(credentials: Mapping[str, str]) -> dict[str, str]:
    """Those that are not found by chance, as ``mlflow`` would be in every line of a log."""
    return {name: value for name, value in credentials.items() if bits(value) >= WORD_BITS}


def leaks(credentials: Mapping[str, str], texts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Where credentials appear, by name and place and never by value.

    Args:
        credentials: by name.
        texts: place and content.
    """
    wanted = {name: spellings(value) for name, value in credentials.items()}
    for place, text in texts:
        for name, words in wanted.items():
            if any(word in text for word in words):
                yield f"{name} in {place}"


def public_texts(kube: Kube) -> Iterator[tuple[str, str]]:
    """Everything of the namespace that people read without the right to read Secrets.

    Raises:
        KubeFailed: it cannot be read; a container that never started has no log.
    """
    for kind in _PUBLIC:
        for item in kube.items(kind):
            yield f"{item['kind']} {item['metadata']['name']}", json.dumps(item, ensure_ascii=False)
    for pod in kube.pods({}):
        statuses = pod.raw.get("status", {})
        for container in [
            *statuses.get("initContainerStatuses", []),
            *statuses.get("containerStatuses", []),
        ]:
            if "waiting" in container.get("state", {}) and not container.get("restartCount"):
                continue
            name = container["name"]
            yield f"log of {pod.name}/{name}", kube.log(pod.name, name)
