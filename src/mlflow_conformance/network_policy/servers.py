# SPDX-License-Identifier: Apache-2.0
"""What MLflow's own pods reach."""

from collections.abc import Sequence

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.network_policy.matrix import Cell, Destination
from mlflow_conformance.network_policy.pods import attempts_from


def cells_from_servers(
    kube: Kube,
    names: MlflowNames,
    destinations: Sequence[Destination],
    timeout_s: float,
    *,
    allowed: bool,
) -> list[Cell]:
    """What every ready MLflow pod sees of destinations, from inside its own container.

    Args:
        timeout_s: how long an attempt waits before the path counts as cut, seconds.
        allowed: whether the destinations must answer or must not.

    Raises:
        KubeFailed: a container could not be asked.
        Undecided: no pod of MLflow is ready.
    """
    pods = kube.ready_pods(names.selector)
    if not pods:
        raise Undecided("no pod of MLflow is ready")
    return [
        Cell(f"pod {pod.name}", destination, allowed, [seen.outcome], [seen.elapsed_s])
        for pod in pods
        for destination, seen in zip(
            destinations,
            attempts_from(kube, kube.namespace, pod.name, names.container, destinations, timeout_s),
            strict=True,
        )
    ]
