# SPDX-License-Identifier: Apache-2.0
"""What a ServiceAccount may do, and whether a pod holds its token."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlflow_conformance.cluster.kube import Kube


def rules_of(kube: Kube, account: str) -> set[str]:
    """Every rule that applies to a ServiceAccount in the namespace, one line each.

    A line reads ``get,list pods`` or ``get,list leases.coordination.k8s.io name-of-one``, and
    ``get /healthz`` for a path that is no resource. The account itself is asked, by impersonation,
    so that rules of all its groups and of the whole cluster are there.

    Raises:
        KubeFailed: we may not impersonate it, or the API server did not answer.
    """
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": kube.namespace},
    }
    answered = kube.create(review, as_user=f"system:serviceaccount:{kube.namespace}:{account}")
    return set(read_rules(answered["status"]))


def read_rules(status: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a ``SelfSubjectRulesReview``'s status."""
    for rule in status.get("resourceRules") or []:
        verbs = ",".join(sorted(rule["verbs"]))
        names = " ".join(sorted(rule.get("resourceNames") or []))
        for group in rule.get("apiGroups") or [""]:
            for resource in rule.get("resources") or []:
                kind = f"{resource}.{group}" if group else resource
                yield f"{verbs} {kind} {names}".rstrip()
    for rule in status.get("nonResourceRules") or []:
        verbs = ",".join(sorted(rule["verbs"]))
        for path in rule.get("nonResourceURLs") or []:
            yield f"{verbs} {path}"


def mounts_token(spec: Mapping[str, Any]) -> bool:
    """Whether a running pod's specification holds a token for the cluster's API.

    The API server adds the volume to a pod that does not refuse it. A token for another audience,
    such as an object store's, is none for the API.
    """
    return any(
        source.get("serviceAccountToken") is not None
        and not source["serviceAccountToken"].get("audience")
        for volume in spec.get("volumes") or []
        for source in (volume.get("projected") or {}).get("sources") or []
    )
