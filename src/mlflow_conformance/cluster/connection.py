# SPDX-License-Identifier: Apache-2.0
"""A cluster as one user reaches it.

Every call names the kubeconfig and the context, so that a kubeconfig whose current context was
switched in another terminal can never make this program touch another cluster.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from mlflow_conformance.cluster.api import Api, connect
from mlflow_conformance.cluster.kinds import Kinds


@dataclass(frozen=True)
class Connection:
    """A cluster, and the namespace that is meant when none is named.

    Attributes:
        kubectl: the program.
        helm: the program of that name for who works on this cluster.
        read_only: nothing is asked of the cluster but what there is.
    """

    kubeconfig: Path
    context: str
    namespace: str
    kubectl: str = "kubectl"
    helm: str = "helm"
    read_only: bool = False

    @cached_property
    def api(self) -> Api:
        """The API server.

        Raises:
            Unusable: the kubeconfig or the context does not exist.
        """
        return connect(self.kubeconfig, self.context, read_only=self.read_only)

    @cached_property
    def kinds(self) -> Kinds:
        """The kinds of objects that the cluster has."""
        return Kinds(self.api)

    def within(self, namespace: str) -> Self:
        """The same cluster, and another namespace."""
        other = replace(self, namespace=namespace)
        other.__dict__.update(api=self.api, kinds=self.kinds)
        return other
