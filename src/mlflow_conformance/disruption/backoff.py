# SPDX-License-Identifier: Apache-2.0
"""Pods whose crash would show their past: the oftener a container ended, the later it is restarted.

The kubelet restarts a container at once when it ends for the first time, then after 10 s, 20 s,
40 s and so on up to five minutes, and forgets only when it has run for ten minutes (Kubernetes
documentation, "Pod Lifecycle", container restarts). A crash that is made soon after another would
measure that, and say nothing of the deployment. A new pod has no past.
"""

from datetime import datetime, timedelta

from mlflow_conformance.cluster.view import ClusterView, PodView
from mlflow_conformance.config.names import Names
from mlflow_conformance.disruption.scenario import ScenarioSpec
from mlflow_conformance.disruption.scene import container_of, pods_of

FORGETS = timedelta(minutes=10)


def marked(names: Names, spec: ScenarioSpec, view: ClusterView, now: datetime) -> list[PodView]:
    """Pods that the scenario may crash, and whose restart the kubelet would delay.

    Args:
        now: with its time zone.

    Raises:
        Undecided: the profile does not say which pods they are.
    """
    if spec.proof != "container restarted":
        return []
    container = container_of(names, spec.victim)

    def ended_lately(pod: PodView) -> bool:
        ended = pod.container(container).ended
        return ended is not None and now - ended < FORGETS

    return [pod for pod in pods_of(names, spec.victim, view) if ended_lately(pod)]
