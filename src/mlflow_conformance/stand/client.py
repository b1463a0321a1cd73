# SPDX-License-Identifier: Apache-2.0
"""The environment in which MLflow's client, in a pod beside the deployment, finds the server."""

from collections.abc import Mapping

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.doors.account import account
from mlflow_conformance.stand.temporary import Manifest
from mlflow_conformance.target.base import Target

SECRET = "mlflow-client"  # noqa: S105 - the name of one
"""The Secret that holds it."""
_TRIES = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""A client that is not let in ends within a minute or two; MLflow's own retries go on for four."""
_SETTINGS = {
    **_TRIES,
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "HOME": "/tmp",  # noqa: S108 - of a pod
}


def client_of(target: Target, check_id: str) -> dict[str, str]:
    """Its variables: where MLflow is, the account of the inside door, and how often it tries.

    Args:
        check_id: the check that wants it, for people.

    Raises:
        Unusable: MLflow has a certificate, whose authority such a pod would not know.
    """
    if not target.service_url.startswith("http:"):
        raise Unusable(
            f"A client in a pod would be given no authority for {target.service_url}",
            remedy=f"Leave {check_id} out under `without` where MLflow's pods have certificates",
        )
    return {
        "MLFLOW_TRACKING_URI": target.service_url,
        **account(target.inside_headers),
        **_SETTINGS,
    }


def secret_of(name: str, entries: Mapping[str, str]) -> Manifest:
    """A Secret's manifest."""
    meta = {"name": name}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": dict(entries)}
