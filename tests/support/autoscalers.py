# SPDX-License-Identifier: Apache-2.0
"""An autoscaler as it looks when all is well."""

from mlflow_conformance.cluster.autoscaler import Autoscaler


def autoscaler(cpu: int) -> Autoscaler:
    """Between 2 and 10 replicas at 70 percent of CPU, of which so many percent are used."""
    return Autoscaler(
        minimum=2,
        maximum=10,
        target="Deployment/mlflow",
        goals={"cpu": 70},
        replicas=2,
        desired=2,
        current={"cpu": cpu},
        conditions={"AbleToScale": "True", "ScalingActive": "True"},
        reasons={},
    )
