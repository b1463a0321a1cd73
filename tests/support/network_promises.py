# SPDX-License-Identifier: Apache-2.0
"""What a deployment's policies and objects admit, held against its profile without a cluster."""

from pathlib import Path
from typing import get_args

from api_server import ApiServer
from mlflow_conformance.config.profile import Profile
from mlflow_conformance.network_policy.exposure import exposures
from mlflow_conformance.network_policy.matrix import Service
from mlflow_conformance.network_policy.promises import (
    egress_beyond,
    egress_promised,
    ingress_beyond,
)
from mlflow_conformance.network_policy.thresholds import Egress, WaysIn


def beyond_promise(server: ApiServer, profile: Profile, folder: Path) -> list[str]:
    """All that NET-1, NET-2 and NET-3 would tell from what the API server has."""
    kube, names = server.kube(folder, profile.names.namespace), profile.names
    ways = WaysIn.model_validate(profile.checks["NET-1"].thresholds)
    out = Egress.model_validate(profile.checks["NET-3"].thresholds)
    promised = egress_promised(kube, names, out.allowed, out.addresses.values())
    return [
        *egress_beyond(kube, names, promised),
        *ingress_beyond(kube, names, ways.sources, get_args(Service)),
        *exposures(kube, names, ["mlflow"], ways.outside).known,
        *exposures(kube, names, ["postgresql", "s3"]).known,
    ]
