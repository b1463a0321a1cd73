# SPDX-License-Identifier: Apache-2.0
"""Objects of a cluster as the API server has them now, by the names that their kinds go by."""

import base64
from collections.abc import Mapping
from typing import Any

from mlflow_conformance.cluster.api import REPLY_S
from mlflow_conformance.cluster.connection import Connection
from mlflow_conformance.cluster.failures import KubeFailed

ABSENT = 404


class Reading(Connection):
    """What can be read. An object is what the API server sends, without the owners of its fields.

    Wherever a namespace can be given, the connection's own is meant when it is None.
    """

    def get(
        self,
        kind: str,
        name: str,
        *,
        namespace: str | None = None,
        owners: bool = False,
        timeout_s: float = REPLY_S,
    ) -> dict[str, Any]:
        """One object.

        Args:
            owners: with who owns which field (`managedFields`).

        Raises:
            KubeFailed: there is none, or it may not be read.
        """
        resource = self.kinds.named(kind)
        path = resource.path(self.where(namespace), name)
        found = self.api.json(f"get {kind} {name}", "GET", path, timeout_s=timeout_s)
        return found if owners else _without_owners(found)

    def find(
        self, kind: str, name: str, *, namespace: str | None = None, owners: bool = False
    ) -> dict[str, Any] | None:
        """One object, or None when there is none; see `get`.

        Raises:
            KubeFailed: the cluster has no such kind, or it may not be read.
        """
        # A kind that does not exist is no object that does not exist.
        self.kinds.named(kind)
        try:
            return self.get(kind, name, namespace=namespace, owners=owners)
        except KubeFailed as problem:
            if problem.status == ABSENT:
                return None
            raise

    def items(
        self,
        kind: str,
        *,
        labels: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        namespace: str | None = None,
        timeout_s: float = REPLY_S,
    ) -> list[dict[str, Any]]:
        """Every object of a kind.

        Args:
            labels: which they have.
            fields: likewise, by their paths, as far as the API server can select by them.
            namespace: that they are in; "" for all.

        Raises:
            KubeFailed: they may not be listed.
        """
        resource = self.kinds.named(kind)
        query = {"labelSelector": _selector(labels), "fieldSelector": _selector(fields)}
        found = self.api.json(
            f"list {kind}",
            "GET",
            resource.path(self.where(namespace)),
            query={k: v for k, v in query.items() if v},
            timeout_s=timeout_s,
        )
        named = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [_without_owners({**named, **item}) for item in found.get("items") or []]

    def secret(self, name: str, *, namespace: str | None = None) -> dict[str, str]:
        """The decoded entries of a Secret; bytes that are not UTF-8 are replaced.

        Raises:
            LookupError: there is none, or it may not be read.
        """
        try:
            found = self.get("secret", name, namespace=namespace)
        except KubeFailed as problem:
            raise LookupError(
                f"the Secret {self.where(namespace)}/{name} cannot be read: "
                f"{problem.status or 'no answer'} {problem.reason}"
            ) from problem
        entries = found.get("data") or {}
        return {k: base64.b64decode(v).decode("utf-8", "replace") for k, v in entries.items()}

    def where(self, namespace: str | None) -> str:
        """The namespace that is meant."""
        return self.namespace if namespace is None else namespace


def _selector(wanted: Mapping[str, str] | None) -> str:
    return ",".join(f"{k}={v}" for k, v in (wanted or {}).items())


def _without_owners(thing: dict[str, Any]) -> dict[str, Any]:
    meta = {k: v for k, v in thing.get("metadata", {}).items() if k != "managedFields"}
    return {**thing, "metadata": meta}
