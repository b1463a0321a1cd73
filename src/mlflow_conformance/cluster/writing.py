# SPDX-License-Identifier: Apache-2.0
"""Changes of a cluster's objects; each is asked for once."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.reading import ABSENT, Reading

PatchType = Literal["strategic", "merge", "json"]

_US = {"fieldManager": "mlflow-conformance"}
_STRICT = {"fieldValidation": "Strict"}
"""A field that the kind does not have is refused, not dropped."""
_CONTENT: Mapping[PatchType, str] = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}


class Writing(Reading):
    """What can be changed. Manifests are in the connection's namespace when they name none."""

    def create(
        self,
        manifest: Mapping[str, Any],
        *,
        namespace: str | None = None,
        as_user: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Make an object; returns it, or the answer when it is a question.

        Args:
            as_user: who asks, when that is somebody else.
            dry_run: it is judged, and not made.

        Raises:
            KubeFailed: it was refused, or exists already.
        """
        resource = self.kinds.of(manifest)
        return self.api.json(
            f"create {_name(manifest)}",
            "POST",
            resource.path(namespace if namespace is not None else self._of(manifest, None)),
            query={**_US, **_STRICT, **({"dryRun": "All"} if dry_run else {})},
            headers={"Impersonate-User": as_user} if as_user else {},
            body=dict(manifest),
        )

    def ask(
        self, kind: str, name: str, subresource: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Ask something of an object of the namespace, such as its eviction; returns the answer.

        Raises:
            KubeFailed: it was refused.
        """
        path = self.kinds.named(kind).path(self.namespace, name, subresource)
        return self.api.json(f"{subresource} of {kind} {name}", "POST", path, body=dict(body))

    def apply(
        self, manifests: Sequence[Mapping[str, Any]], *, namespace: str | None = None
    ) -> None:
        """Server-side apply of manifests, in their order.

        Args:
            namespace: of all those that name none themselves.

        Raises:
            KubeFailed: one was refused.
        """
        for manifest in manifests:
            resource, name = self.kinds.of(manifest), manifest["metadata"]["name"]
            self.api.json(
                f"apply {_name(manifest)}",
                "PATCH",
                resource.path(self._of(manifest, namespace), name),
                query={**_US, **_STRICT, "force": "true"},
                content="application/apply-patch+yaml",
                body=dict(manifest),
            )

    def patch(
        self,
        kind: str,
        name: str,
        patch: Any,
        *,
        how: PatchType = "strategic",
        namespace: str | None = None,
        subresource: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Change an object in part; returns it as it then is, or would be.

        Args:
            dry_run: the change is judged, and not made; a field that the kind does not have is
                refused then.

        Raises:
            KubeFailed: there is none, or the patch was refused.
        """
        path = self.kinds.named(kind).path(self.where(namespace), name, subresource)
        return self.api.json(
            f"patch {kind} {name}",
            "PATCH",
            path,
            query={**_US, **({**_STRICT, "dryRun": "All"} if dry_run else {})},
            content=_CONTENT[how],
            body=patch,
        )

    def scale(self, kind: str, name: str, replicas: int) -> None:
        """Set how many pods a workload of the namespace wants.

        Raises:
            KubeFailed: there is none, or it was refused.
        """
        wanted = {"spec": {"replicas": replicas}}
        self.patch(kind, name, wanted, how="merge", subresource="scale")

    def cordon(self, node: str, *, on: bool) -> None:
        """Let a node take no new pods, or let it take them again.

        Raises:
            KubeFailed: there is no such node, or it was refused.
        """
        self.patch("node", node, {"spec": {"unschedulable": on}}, namespace="")

    def delete(
        self,
        kind: str,
        name: str,
        *,
        namespace: str | None = None,
        grace_s: int | None = None,
        missing_ok: bool = False,
    ) -> str | None:
        """Ask for the end of an object, and of what it owns; returns its UID without waiting.

        Args:
            grace_s: seconds that a pod has to end by itself, when not its own.
            missing_ok: one that is not there is as good as deleted, and has no UID.

        Raises:
            KubeFailed: it was refused.
        """
        path = self.kinds.named(kind).path(self.where(namespace), name)
        query = {"propagationPolicy": "Background"}
        if grace_s is not None:
            query["gracePeriodSeconds"] = str(grace_s)
        try:
            said = self.api.json(f"delete {kind} {name}", "DELETE", path, query=query)
        except KubeFailed as problem:
            if missing_ok and problem.status == ABSENT:
                return None
            raise
        # What goes at once is told of in a status; what goes later is there as it is now.
        uid: str | None = {**said.get("metadata", {}), **(said.get("details") or {})}.get("uid")
        return uid

    def put(self, thing: Mapping[str, Any], *, new: bool) -> None:
        """Write a whole object exactly as it is given, its recorded field owners included.

        Args:
            thing: with `apiVersion`, `kind`, name, and namespace where it has one.
            new: create it, rather than replace the one that exists.

        Raises:
            Conflict: somebody else wrote it at the same moment.
            KubeFailed: the API server refused.
        """
        resource, meta = self.kinds.of(thing), thing["metadata"]
        space, what = meta.get("namespace", ""), f"put {_name(thing)}"
        if new:
            self.api.json(what, "POST", resource.path(space), query=_US, body=dict(thing))
            return
        path = resource.path(space, meta["name"])
        # Some kinds are only replaced by a writer that names the version it replaces.
        version = self.api.json(what, "GET", path)["metadata"]["resourceVersion"]
        body = {**thing, "metadata": {**meta, "resourceVersion": version}}
        self.api.json(what, "PUT", path, query=_US, body=body)

    def _of(self, manifest: Mapping[str, Any], namespace: str | None) -> str:
        own: str | None = manifest.get("metadata", {}).get("namespace")
        return own or self.where(namespace)


def _name(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['kind']} {manifest.get('metadata', {}).get('name', '')}".rstrip()
