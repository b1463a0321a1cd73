# SPDX-License-Identifier: Apache-2.0
"""What ServiceAccounts may do, and which pods hold their tokens."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.secret_uses import uses_of

API_AUDIENCES = ("https://kubernetes.default",)
"""What the names of the API's own audience begin with, where it is not the issuer's."""


@dataclass(frozen=True)
class Permitted:
    """What a ServiceAccount may do.

    Attributes:
        rules: a line each.
        gaps: why the API server does not know all of them; nothing when it does.
    """

    rules: set[str]
    gaps: set[str]


def rules_of(kube: Kube, account: str, namespaces: Iterable[str]) -> Permitted:
    """Every rule that applies to a ServiceAccount of the namespace, one line each.

    A line reads ``get,list pods`` or ``get,list leases.coordination.k8s.io name-of-one``, and
    ``get /healthz`` for a path that is no resource. What the account may do in another namespace
    and not in its own ends with that: ``get secrets in kube-system``. The account itself is asked,
    by impersonation, so that rules of all its groups and of the whole cluster are there.

    Args:
        namespaces: where it is asked, besides its own.

    Raises:
        KubeFailed: we may not impersonate it, or the API server did not answer.
    """
    own = _rules_in(kube, account, kube.namespace)
    others = sorted(set(namespaces) - {kube.namespace})
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda where: _rules_in(kube, account, where), others))
    elsewhere = {
        f"{rule} in {where}"
        for where, there in zip(others, found, strict=True)
        for rule in there.rules - own.rules
    }
    return Permitted(own.rules | elsewhere, own.gaps.union(*(there.gaps for there in found)))


def _rules_in(kube: Kube, account: str, namespace: str) -> Permitted:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    answered = kube.create(review, as_user=f"system:serviceaccount:{kube.namespace}:{account}")
    status = answered["status"]
    why = str(status.get("evaluationError") or "no reason given")
    return Permitted(set(read_rules(status)), {why} if status.get("incomplete") else set())


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


def account_of(spec: Mapping[str, Any]) -> str:
    """The ServiceAccount that a pod's specification names."""
    return str(spec.get("serviceAccountName") or "default")


@dataclass(frozen=True)
class Tokens:
    """Which specifications give a pod a token for the cluster's API.

    Attributes:
        issuer: of the cluster's tokens, which is an audience of the API unless it was told others.
        refusing: ServiceAccounts whose pods get no token unless they ask for one.
        secrets: Secrets that hold a token without an end.
    """

    issuer: str
    refusing: frozenset[str]
    secrets: frozenset[str]

    def given_to(self, spec: Mapping[str, Any]) -> bool:
        """Whether a template's pods would have one: the API server adds it where nobody refuses."""
        asked = spec.get("automountServiceAccountToken")
        automatic = account_of(spec) not in self.refusing if asked is None else bool(asked)
        return automatic or self.held_by(spec)

    def held_by(self, spec: Mapping[str, Any]) -> bool:
        """Whether a running pod's specification holds one.

        A token for another audience, such as an object store's, is none for the API.
        """
        if not self.secrets.isdisjoint(u.secret for u in uses_of(spec)):
            return True
        tokens = (
            source["serviceAccountToken"]
            for volume in spec.get("volumes") or []
            for source in (volume.get("projected") or {}).get("sources") or []
            if source.get("serviceAccountToken") is not None
        )
        return any(self._of_the_api(token.get("audience") or self.issuer) for token in tokens)

    def _of_the_api(self, audience: str) -> bool:
        return audience == self.issuer or audience.startswith(API_AUDIENCES)


def tokens_of(kube: Kube) -> Tokens:
    """How tokens come to pods in the namespace.

    Raises:
        KubeFailed: ServiceAccounts, the types of Secrets or the issuer cannot be read.
    """
    path = "/.well-known/openid-configuration"
    return Tokens(
        issuer=str(kube.api.json("the issuer of tokens", "GET", path)["issuer"]),
        refusing=frozenset(
            a["metadata"]["name"]
            for a in kube.items("serviceaccount")
            if a.get("automountServiceAccountToken") is False
        ),
        secrets=frozenset(
            s["metadata"]["name"]
            for s in kube.items("secret", fields={"type": "kubernetes.io/service-account-token"})
        ),
    )
