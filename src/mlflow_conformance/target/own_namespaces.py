# SPDX-License-Identifier: Apache-2.0
"""Namespaces of this program, made for a run or prepared for all, and Secrets copied into them."""

from collections.abc import Mapping
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.own_pods import OWNER, OWNER_LABEL

PREPARED_LABEL = "mlflow-conformance/prepared"
"""Of a namespace that somebody made for this program: it is used, and not removed."""


def namespace_manifest(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """A namespace that only admits restricted pods and says who made it."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {
                OWNER_LABEL: OWNER,
                "pod-security.kubernetes.io/enforce": "restricted",
                **labels,
            },
        },
    }


def prepared_namespace(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """A namespace for pods of this program that stays, with roles in it, between runs."""
    return namespace_manifest(name, {PREPARED_LABEL: "true", **labels})


def is_prepared(namespace: Mapping[str, Any] | None) -> bool:
    """Whether a namespace, as the API server has it, was made for this program, and stays."""
    labels = (namespace or {"metadata": {}})["metadata"].get("labels") or {}
    return PREPARED_LABEL in labels and labels.get(OWNER_LABEL) == OWNER


def make_namespaces(kube: Kube, labels: Mapping[str, Mapping[str, str]], waiter: Waiter) -> None:
    """Make namespaces, and wait until they take pods: not before each has a `default` account.

    Those that are prepared are taken as they are.

    Args:
        labels: of each, by its name.

    Raises:
        KubeFailed: the API server refused.
        TimedOut: the cluster gave them no account in time.
        Unusable: one is prepared with other labels.
    """
    new = []
    for name, own in labels.items():
        there = kube.find("namespace", name)
        if not is_prepared(there):
            new.append(namespace_manifest(name, own))
        elif there and not own.items() <= there["metadata"]["labels"].items():
            raise Unusable(
                f"The namespace {name} is prepared for this suite with other labels than "
                f"{', '.join(f'{k}={v}' for k, v in own.items())}",
                remedy="Apply what `mlflow-conformance rbac --profile …` prints for this profile",
            )
    kube.apply(new)
    waiter.until(
        f"usable: the namespaces {', '.join(labels)}",
        lambda: [n for n in labels if not kube.find("serviceaccount", "default", namespace=n)],
        done=lambda waiting: not waiting,
        timeout="pod ready",
        interval_s=0.2,
    )


def copied_secrets(kube: Kube, names: Mapping[str, str], namespace: str) -> list[dict[str, Any]]:
    """Secrets of MLflow's namespace as they are in another one, and whose they are there.

    Args:
        names: each with its name there.

    Raises:
        KubeFailed: one cannot be read.
    """
    copies = []
    for name, there in names.items():
        found = kube.get("secret", name)
        kept = {k: found[k] for k in ("apiVersion", "kind", "type", "data") if k in found}
        meta = {"name": there, "namespace": namespace, "labels": {OWNER_LABEL: OWNER}}
        copies.append({**kept, "metadata": meta})
    return copies
