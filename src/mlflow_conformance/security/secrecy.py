# SPDX-License-Identifier: Apache-2.0
"""Where else than in their Secret credentials appear."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from mlflow_conformance.cluster.container_statuses import has_log, last_end, statuses
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.strength import WORD_BITS, bits

_PUBLIC = (
    "configmap",
    "pod",
    "deployment",
    "statefulset",
    "daemonset",
    "replicaset",
    "controllerrevision",
    "cronjob",
    "job",
    "ingress",
    "service",
    "networkpolicy",
    "horizontalpodautoscaler",
    "poddisruptionbudget",
    "persistentvolumeclaim",
    "event",
)
"""Kinds that people read without the right to read Secrets."""
_LEAST = 16
"""Characters of base64 that are in no text by chance: 96 bits."""
_PADDED = {0: (0, 0), 1: (2, 3), 2: (3, 2)}
"""Of base64: how many characters the bytes before share with it, and how many those behind it."""


def spellings(credential: str) -> set[str]:
    """How a credential may be written down: as it is, in JSON, in a URL, or in base64.

    The latter also as part of something longer, such as a file or ``user:password``.
    """
    return {
        credential,
        *(json.dumps(credential, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)),
        base64.b64encode(credential.encode()).decode(),
        quote(credential, safe=""),
        *_within_base64(credential.encode()),
    }


def _within_base64(credential: bytes) -> Iterator[str]:
    """What is the same of a credential in base64 whatever stands before it and behind it."""
    for before, (shared, _) in _PADDED.items():
        behind = _PADDED[(before + len(credential)) % 3][1]
        encoded = base64.b64encode(bytes(before) + credential).decode()
        alone = encoded[shared : len(encoded) - behind]
        if len(alone) >= _LEAST:
            yield alone
            yield alone.translate(str.maketrans("+/", "-_"))


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
    for item in [kube.get("namespace", kube.namespace), *_objects(kube)]:
        yield f"{item['kind']} {item['metadata']['name']}", json.dumps(item, ensure_ascii=False)
    for pod in kube.pods({}):
        for status in filter(has_log, statuses(pod.raw)):
            where = f"log of {pod.name}/{status['name']}"
            yield where, kube.log(pod.name, status["name"])
            if last_end(status):
                yield f"{where} before it ended", _log_before(kube, pod.name, status["name"])


def _objects(kube: Kube) -> Iterator[Mapping[str, Any]]:
    for kind in _PUBLIC:
        yield from kube.items(kind)


def _log_before(kube: Kube, pod: str, container: str) -> str:
    """What a container wrote in its run before this one; nothing when its node threw it away."""
    try:
        return kube.log(pod, container, previous=True)
    except KubeFailed as problem:
        if problem.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
            raise
        return ""
