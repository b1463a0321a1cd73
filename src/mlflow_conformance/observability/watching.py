# SPDX-License-Identifier: Apache-2.0
"""How a deployment is watched while checks of it run."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.observability.alerts import in_namespace
from mlflow_conformance.observability.notices import Notices
from mlflow_conformance.observability.prometheus import Prometheus


@dataclass(frozen=True)
class Watching:
    """The Prometheus that watches it, and whom its alerts reach.

    Attributes:
        shipped: of each alert that the deployment ships, how long its expression must hold
            before it fires, seconds; None where its rules were there before the run.
        notices: what reaches people; None where that is not known here.
    """

    prometheus: Prometheus
    shipped: Mapping[str, float] | None
    notices: Notices | None

    def promised(self, kube: Kube) -> Mapping[str, float]:
        """`shipped`, or what the rules in the namespace say.

        Raises:
            KubeFailed: they may not be listed, or the cluster has no such kind.
        """
        return in_namespace(kube) if self.shipped is None else self.shipped

    def need_notices(self) -> Notices:
        """What reaches people.

        Raises:
            Undecided: that is not known here.
        """
        if self.notices is None:
            raise Undecided(
                "whom alerts reach is only known of a Prometheus that was installed by this run"
            )
        return self.notices
