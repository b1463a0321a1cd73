# SPDX-License-Identifier: Apache-2.0
"""What containers are given in their environment."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlflow_conformance.cluster.kube import Kube
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
