# SPDX-License-Identifier: Apache-2.0
"""What MLflow's own pods reach."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.network_policy.matrix import Cell, Destination
from mlflow_conformance.network_policy.pods import Attempt, attempts_from


def cells_from_servers(
    kube: Kube,
    names: MlflowNames,
    allowed: Sequence[Destination],
    denied: Sequence[Destination],
    timeout_s: float,
) -> list[Cell]:
    """What every ready MLflow pod sees of destinations, from inside its own container.

    All pods are asked at once, and each tries all destinations at once: one that is cut keeps
    nobody waiting but itself.

    Args:
        allowed, denied: destinations that must answer, and those that must not.
        timeout_s: how long an attempt waits before the path counts as cut, seconds.

    Raises:
        KubeFailed: a container could not be asked.
        Undecided: no pod of MLflow is ready.
    """
    pods = kube.ready_pods(names.selector)
    if not pods:
        raise Undecided("no pod of MLflow is ready")
    wanted = [(d, True) for d in allowed] + [(d, False) for d in denied]
    destinations = [destination for destination, _ in wanted]

    def ask(pod: Pod) -> list[Attempt]:
        return attempts_from(
            kube, kube.namespace, pod.name, names.container, destinations, timeout_s
        )

    with ThreadPoolExecutor(len(pods)) as pool:
        answers = list(pool.map(ask, pods))
    return [
        Cell(f"pod {pod.name}", destination, may, [seen.outcome], [seen.elapsed_s])
        for pod, said in zip(pods, answers, strict=True)
        for (destination, may), seen in zip(wanted, said, strict=True)
    ]
