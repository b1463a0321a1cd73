# SPDX-License-Identifier: Apache-2.0
"""What containers are given in their environment."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.templates import containers
from mlflow_conformance.core.errors import Undecided


def values(kube: Kube, pod: Mapping[str, Any], variable: str) -> Iterator[str]:
    """What each container of a pod that has a variable is given for it; it may be empty.

    Args:
        pod: as the API gives it.

    Raises:
        Undecided: it comes from elsewhere than the pod itself or a Secret, or that one cannot be
            read.
    """
    for container in pod["spec"]["containers"]:
        for entry in container.get("env") or []:
            if entry["name"] != variable:
                continue
            source = entry.get("valueFrom")
            if not source:
                yield entry.get("value") or ""
            elif wanted := source.get("secretKeyRef"):
                try:
                    kept = kube.secret(wanted["name"])
                except LookupError as problem:
                    raise Undecided(str(problem)) from problem
                yield kept.get(wanted["key"], "")
            else:
                raise Undecided(f"{variable} comes from {', '.join(source)}, which is not read")


def of_others(kube: Kube, pod: Mapping[str, Any], container: str) -> Iterator[tuple[str, str]]:
    """The containers beside one, also those that only prepare it, each with a variable it is given.

    Args:
        pod: as the API gives it.
        container: the one.

    Raises:
        Undecided: all entries of an object are given that cannot be read.
    """
    for other in containers(pod["spec"]):
        if other["name"] == container:
            continue
        for entry in other.get("env") or []:
            yield other["name"], entry["name"]
        for source in other.get("envFrom") or []:
            for key in _entries(kube, source):
                yield other["name"], f"{source.get('prefix') or ''}{key}"


def _entries(kube: Kube, source: Mapping[str, Any]) -> Iterable[str]:
    """The keys of a Secret or ConfigMap that an `envFrom` names."""
    kind = "secret" if "secretRef" in source else "configmap"
    named = source.get("secretRef") or source["configMapRef"]
    try:
        if kind == "secret":
            return kube.secret(named["name"])
        return kube.get(kind, named["name"]).get("data") or ()
    except (LookupError, KubeFailed) as problem:
        if named.get("optional"):
            return ()
        raise Undecided(f"the {kind} {named['name']} cannot be read: {problem}") from problem
