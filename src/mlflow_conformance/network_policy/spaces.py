# SPDX-License-Identifier: Apache-2.0
"""Namespaces of probe pods: those that a source names, those that are prepared, and a run's own."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.network_policy.matrix import Source
from mlflow_conformance.target.own_namespaces import (
    copied_secrets,
    is_prepared,
    make_namespaces,
)
from mlflow_conformance.target.under_way import RunMark

NAMESPACE = "mlflow-conformance-probe"
"""What the names of namespaces of probe pods begin with."""


def namespace_of(source: Source) -> str:
    """The namespace of a source's pod: the one it names, or one for its labels.

    The latter is prepared, or its name is what that of a run's own namespace begins with.
    """
    if source.namespace is not None:
        return source.namespace
    if not source.namespace_labels:
        return NAMESPACE
    text = "-".join(f"{k}-{v}" for k, v in sorted(source.namespace_labels.items()))
    plain = "".join(c if c.isalnum() else "-" for c in text.lower()).strip("-")
    # The digest tells labels apart that read the same once they are cut and made plain.
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{NAMESPACE}-{plain[:21].strip('-')}-{digest}"


@dataclass
class Spaces:
    """The namespaces of one run's probe pods.

    Attributes:
        marked: labels of those that are made.
        pull_secrets: of MLflow's namespace, by which the image of the pods is pulled. They are
            copied into namespaces of probe pods alone; where a source names another one, its nodes
            must have the image.
    """

    kube: Kube
    waiter: Waiter
    mark: RunMark
    marked: Mapping[str, str]
    pull_secrets: Sequence[str] = ()
    _made: set[str] = field(default_factory=set)
    _copies: dict[str, list[str]] = field(default_factory=dict)

    def make(self, sources: Mapping[str, Source]) -> dict[str, str]:
        """Make those that there are not yet; returns that of each source.

        Raises:
            KubeFailed: the API server refused.
            TimedOut: one takes no pods in time.
            Unusable: one is prepared with other labels.
        """
        there = {item["metadata"]["name"]: item for item in self.kube.items("namespace")}
        spaces: dict[str, str] = {}
        wanted: dict[str, dict[str, str]] = {}
        own: set[str] = set()
        for name, source in sources.items():
            space = namespace_of(source)
            prepared = is_prepared(there.get(space))
            if source.namespace is None and not prepared:
                space = f"{space}-{self.mark.short}"
            spaces[name] = space
            if prepared:
                wanted[space] = dict(source.namespace_labels)
            elif space not in there:
                wanted[space] = {**self.marked, **source.namespace_labels}
                self._made.add(space)
            if prepared or space in self._made:
                own.add(space)
        if wanted:
            make_namespaces(self.kube, wanted, self.waiter)
        for space in sorted(own - self._copies.keys()):
            names = {name: f"{name}-{self.mark.short}" for name in self.pull_secrets}
            self.kube.apply(copied_secrets(self.kube, names, space))
            self._copies[space] = list(names.values())
        return spaces

    def pulling(self, space: str) -> list[str]:
        """The names of the Secrets by which pods of a namespace pull their image."""
        return self._copies.get(space, list(self.pull_secrets))

    def is_made(self, space: str) -> bool:
        """Whether this run made a namespace, and removes it with all that is in it."""
        return space in self._made

    def remove(self) -> None:
        """Delete what was made; does not wait until it is gone.

        Raises:
            KubeFailed: the API server refused.
        """
        for space, secrets in self._copies.items():
            if space not in self._made:
                for name in secrets:
                    self.kube.delete("secret", name, namespace=space, missing_ok=True)
        for space in self._made:
            self.kube.delete("namespace", space, missing_ok=True)
        self._made.clear()
        self._copies.clear()
