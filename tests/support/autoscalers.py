# SPDX-License-Identifier: Apache-2.0
"""An autoscaler as it looks when all is well, and looks at what it scales."""

from mlflow_conformance.cluster.autoscaler import Autoscaler
from mlflow_conformance.target.watch import Look, PodState


def autoscaler(cpu: int) -> Autoscaler:
    """Between 2 and 10 replicas at 70 percent of CPU, of which so many percent are used."""
    return Autoscaler(
        minimum=2,
        maximum=10,
        target="Deployment/mlflow",
        goals={"cpu": 70},
        other_goals={},
        replicas=2,
        desired=2,
        current={"cpu": cpu},
        measured=frozenset({"Resource cpu"}),
        tolerance=0.1,
        falls=True,
        waits_s=300,
        grows_s=15,
        conditions={"AbleToScale": "True", "ScalingActive": "True"},
        reasons={},
    )


HEALTHY = autoscaler(cpu=3)


def looking(*wanted: int, scaler: Autoscaler | None = HEALTHY, start: float = 1000) -> list[Look]:
    """One look a second, each with so many pods, all of them ready."""
    return [
        Look(start + n, scaler, count, [PodState(f"p{i}", True, False) for i in range(count)])
        for n, count in enumerate(wanted)
    ]
