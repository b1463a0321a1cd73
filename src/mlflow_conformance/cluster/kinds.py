# SPDX-License-Identifier: Apache-2.0
"""Which kinds of objects a cluster has, as its API server says.

Asked for when they are first needed and kept in memory. The dynamic client's own discovery waits
without a limit and keeps a file that outlives the cluster, so it is not used.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Any

from mlflow_conformance.cluster.api import Api
from mlflow_conformance.cluster.failures import KubeFailed, NoKubernetes

_CORE = "/api/v1"
_METRICS = "metrics.k8s.io"


@dataclass(frozen=True)
class Resource:
    """One kind of objects, and where they are.

    Attributes:
        root: the path of its group and version.
        words: what people call it: kind, plural, singular and short names, in lower case.
    """

    root: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]
    words: frozenset[str]

    @property
    def group(self) -> str:
        """Empty for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def api_version(self) -> str:
        """As manifests name it."""
        return self.root.removeprefix("/apis/").removeprefix("/api/")

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Of one object, or of all; of all namespaces when that is empty."""
        where = f"namespaces/{namespace}" if self.namespaced and namespace else ""
        return "/".join(part for part in (self.root, where, self.plural, name, subresource) if part)


class Kinds:
    """The kinds of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._groups: Sequence[tuple[str, str]] = []
        self._resources: dict[str, Sequence[Resource]] = {}

    def named(self, word: str) -> Resource:
        """The kind that people call so, such as ``Pod``, ``deploy`` or ``pods.metrics.k8s.io``.

        Of two of the same name it is the one that the API server lists first, as for kubectl.

        Raises:
            KubeFailed: there is none, or the API server did not answer.
        """
        wanted, _, of_group = word.lower().partition(".")
        for _ in self._twice():
            for group, root in self._roots():
                if of_group and group != of_group:
                    continue
                try:
                    resources = self._at(root)
                except KubeFailed as problem:
                    # One API that is down does not take the others with it.
                    if of_group or problem.status is None:
                        raise
                    continue
                for resource in resources:
                    if wanted in resource.words:
                        return resource
        raise KubeFailed(f"the cluster has no kind {word}")

    def of(self, manifest: Mapping[str, Any]) -> Resource:
        """The kind of an object that says its `apiVersion` and `kind`.

        Raises:
            KubeFailed: the cluster has none such, or the API server did not answer.
        """
        version, kind = str(manifest.get("apiVersion", "")), str(manifest["kind"])
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for _ in self._twice():
            try:
                resources = self._at(root)
            except KubeFailed as problem:
                if problem.status != 404:
                    raise
                continue
            for resource in resources:
                if resource.kind == kind:
                    return resource
        raise KubeFailed(f"the cluster has no kind {kind} in {version}")

    def listable(self) -> list[Resource]:
        """Every kind whose objects can be listed.

        Raises:
            KubeFailed: the API server, or one of the servers behind it, did not answer.
        """
        return [r for _, root in self._roots() for r in self._at(root) if "list" in r.verbs]

    def like(self, name: Pattern[str]) -> list[Resource]:
        """Kinds whose objects can be listed, and in whose name this is found.

        APIs of metrics are left out: what they have nobody wrote.

        Raises:
            KubeFailed: the API server, or one of the servers behind it, did not answer.
        """
        return [
            r
            for group, root in self._roots()
            if not group.endswith(_METRICS)
            for r in self._at(root)
            if "list" in r.verbs and name.search(r.kind)
        ]

    def of_these(self, wanted: Collection[str]) -> list[str]:
        """Those of some kinds, each named ``plural.group``, that the cluster has.

        Raises:
            KubeFailed: the API server, or one behind it with one of their groups, did not answer.
        """
        groups = {name.partition(".")[2] for name in wanted}
        return [
            name
            for group, root in self._roots()
            if group in groups
            for r in self._at(root)
            if (name := f"{r.plural}.{r.group}") in wanted and "list" in r.verbs
        ]

    def _twice(self) -> Iterator[None]:
        """From memory, then as it is now: a definition of a new kind may have come meanwhile."""
        yield
        self._groups = []
        self._resources.clear()
        yield

    def _roots(self) -> Sequence[tuple[str, str]]:
        """Every group with the path of its preferred version, in the API server's order."""
        # Another thread may be forgetting what is known, so what is returned is held here.
        known = self._groups
        if not known:
            found = self._asked("/apis", "APIGroupList")["groups"]
            self._groups = known = [
                ("", _CORE),
                *((g["name"], f"/apis/{g['preferredVersion']['groupVersion']}") for g in found),
            ]
        return known

    def _at(self, root: str) -> Sequence[Resource]:
        known = self._resources.get(root)
        if known is None:
            found = self._asked(root, "APIResourceList")["resources"]
            known = [_resource(root, r) for r in found if "/" not in r["name"]]
            self._resources[root] = known
        return known

    def _asked(self, path: str, kind: str) -> dict[str, Any]:
        found = self._api.json(f"get {path}", "GET", path)
        if found.get("kind") != kind:
            raise NoKubernetes(f"get {path}: what answers is no Kubernetes API")
        return found


def _resource(root: str, about: Mapping[str, Any]) -> Resource:
    words = {about["name"], about["kind"].lower(), about.get("singularName") or about["name"]}
    return Resource(
        root=root,
        kind=about["kind"],
        plural=about["name"],
        namespaced=about["namespaced"],
        verbs=frozenset(about.get("verbs") or ()),
        words=frozenset(words | set(about.get("shortNames") or ())),
    )
