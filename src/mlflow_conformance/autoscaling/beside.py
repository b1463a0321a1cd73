# SPDX-License-Identifier: Apache-2.0
"""Who else says how many replicas there are of what an autoscaler scales.

A number that a manifest holds comes back whenever it is applied, whatever the load is (Kubernetes,
HorizontalPodAutoscaler Walkthrough: "Migrating Deployments and StatefulSets to horizontal
autoscaling").
"""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.stand.deploy.rendered import objects

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_RELEASE = "meta.helm.sh/release-name"
_BY_HAND = ("kubectl-edit", "kubectl-patch", "kubectl-scale")
"""Done once, and not again when the deployment is applied."""


def others_that_scale(kube: Kube, scaled: str) -> list[str]:
    """Who would set the number of replicas again, beside an autoscaler.

    The owner of the field is told by the API server, but only until somebody else changed it; what
    was applied is kept by kubectl in an annotation, and by Helm in a Secret.

    Args:
        scaled: ``Kind/name``.

    Raises:
        KubeFailed: it cannot be read, or the Secret of its Helm release.
        Undecided: there is no such thing.
    """
    kind, _, name = scaled.partition("/")
    found = kube.find(kind, name, namespace=kube.namespace, owners=True)
    if found is None:
        raise Undecided(f"there is no {scaled} that could be scaled")
    return sorted({*_owners(found), *_applied(found), *_released(kube, found)})


def _owners(found: Mapping[str, Any]) -> Iterator[str]:
    for entry in found["metadata"].get("managedFields") or []:
        scales = entry.get("subresource") == "scale" or entry["manager"] in _BY_HAND
        if not scales and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {}):
            yield f"{entry['manager']} owns it"


def _applied(found: Mapping[str, Any]) -> Iterator[str]:
    kept = (found["metadata"].get("annotations") or {}).get(_APPLIED)
    if kept and "replicas" in json.loads(kept).get("spec", {}):
        yield "it was applied by kubectl"


def _released(kube: Kube, found: Mapping[str, Any]) -> Iterator[str]:
    meta = found["metadata"]
    release = (meta.get("annotations") or {}).get(_RELEASE)
    if release is None:
        return
    own = (found["kind"], meta["name"])
    for secret in kube.items(
        "secret", labels={"owner": "helm", "name": release, "status": "deployed"}
    ):
        for thing in objects(manifest_of(secret["data"]["release"])):
            is_own = (thing.get("kind"), thing["metadata"]["name"]) == own
            if is_own and "replicas" in thing.get("spec", {}):
                yield f"the release {release} of Helm holds it"


def manifest_of(data: str) -> str:
    """The manifest of a Helm release, as the ``release`` of its Secret holds it."""
    packed = base64.b64decode(base64.b64decode(data))
    found: str = json.loads(gzip.decompress(packed))["manifest"]
    return found
