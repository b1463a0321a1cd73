# SPDX-License-Identifier: Apache-2.0
"""The account of a door, as MLflow's own clients take one from their environment."""

import base64
from collections.abc import Mapping

VARIABLES = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
"""All that tell one."""


def basic(name: str, password: str) -> str:
    """The `Authorization` header of a name and a password (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def account(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of `VARIABLES` that say what the headers of a door say."""
    kind, _, value = headers.get("Authorization", "").partition(" ")
    user, password, token = VARIABLES
    if kind == "Bearer":
        return {token: value}
    if kind == "Basic":
        name, _, secret = base64.b64decode(value).decode().partition(":")
        return {user: name, password: secret}
    return {}
