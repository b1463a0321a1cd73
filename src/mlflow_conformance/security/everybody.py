# SPDX-License-Identifier: Apache-2.0
"""What the cluster lets everybody do: who does not sign in, and whoever does."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.security.access import read_rules

Subject = tuple[str, str]
"""Kind and name."""
# https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests
ANONYMOUS: frozenset[Subject] = frozenset(
    {("User", "system:anonymous"), ("Group", "system:unauthenticated")}
)
"""As whom the API server takes a request without credentials."""
SIGNED_IN: frozenset[Subject] = frozenset({("Group", "system:authenticated")})
"""The group of all whose credentials it takes: every person, and every pod of the cluster."""


@dataclass(frozen=True)
class Grants:
    """Roles, and to whom they are given.

    Attributes:
        bindings: of every namespace and of the cluster.
        rules: of a role, by its kind, namespace (empty for a ClusterRole) and name.
    """

    bindings: Sequence[Mapping[str, Any]]
    rules: Mapping[tuple[str, str, str], Sequence[Mapping[str, Any]]]

    def of(self, subjects: Collection[Subject], namespace: str) -> set[str]:
        """The rules that any of these subjects is given by name, one line each.

        As `mlflow_conformance.security.access.rules_of` writes them: those of another namespace
        than this one end with its name.
        """
        return {
            line
            for binding in self.bindings
            if any((s["kind"], s["name"]) in subjects for s in binding.get("subjects") or [])
            for line in self._lines(binding, namespace)
        }

    def _lines(self, binding: Mapping[str, Any], namespace: str) -> Iterator[str]:
        where = binding["metadata"].get("namespace", "")
        role = binding["roleRef"]
        of_role = where if role["kind"] == "Role" else ""
        rules = self.rules.get((role["kind"], of_role, role["name"]), ())
        for line in read_rules({"resourceRules": [r for r in rules if r.get("resources")]}):
            yield line if where in ("", namespace) else f"{line} in {where}"
        if not where:  # a RoleBinding gives no path that is no resource
            yield from read_rules(
                {"nonResourceRules": [r for r in rules if r.get("nonResourceURLs")]}
            )


def grants(kube: Kube) -> Grants:
    """What RBAC of this cluster gives to whom.

    It is read, for the API server lets nobody who is not signed in ask what he may do.

    Raises:
        KubeFailed: roles or bindings may not be listed.
    """
    roles = [
        *kube.items("role.rbac.authorization.k8s.io", namespace=""),
        *kube.items("clusterrole.rbac.authorization.k8s.io"),
    ]
    return Grants(
        bindings=[
            *kube.items("rolebinding.rbac.authorization.k8s.io", namespace=""),
            *kube.items("clusterrolebinding.rbac.authorization.k8s.io"),
        ],
        rules={
            (r["kind"], r["metadata"].get("namespace", ""), r["metadata"]["name"]): r.get("rules")
            or ()
            for r in roles
        },
    )
