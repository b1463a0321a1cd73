# SPDX-License-Identifier: Apache-2.0
"""What a container is told of TLS to its database, wherever it is told."""

from collections.abc import Mapping
from typing import Any

import pytest

from mlflow_conformance.security.connecting import ssl_mode, weaker

PLAIN = "postgresql://u:p@h/d"
KEPT = {
    ("secret", "plain"): {"uri": PLAIN},
    ("secret", "require"): {"uri": f"{PLAIN}?connect_timeout=5&sslmode=require"},
    ("secret", "whole"): {"BACKEND_STORE_URI": f"{PLAIN}?sslmode=verify-full"},
    ("configmap", "tls"): {"PGSSLMODE": "verify-full", "mode": "verify-ca"},
}


def entries(kind: str, name: str) -> Mapping[str, str]:
    return KEPT[kind, name]


def _address(secret: str) -> dict[str, Any]:
    reference = {"name": secret, "key": "uri"}
    return {"name": "MLFLOW_BACKEND_STORE_URI", "valueFrom": {"secretKeyRef": reference}}


VERIFIES = {"name": "PGSSLMODE", "value": "verify-full"}


@pytest.mark.parametrize(
    ("container", "mode"),
    [
        ({}, None),
        ({"env": [VERIFIES]}, None),
        ({"env": [_address("plain")]}, "not set"),
        ({"env": [_address("plain"), {"name": "PGSSLMODE"}]}, "not set"),
        ({"env": [_address("plain"), VERIFIES]}, "verify-full"),
        ({"env": [_address("require"), VERIFIES]}, "require"),
        ({"env": [_address("require")]}, "require"),
        (
            {"env": [_address("plain")], "envFrom": [{"configMapRef": {"name": "tls"}}]},
            "verify-full",
        ),
        (
            {
                "env": [
                    _address("plain"),
                    {
                        "name": "PGSSLMODE",
                        "valueFrom": {"configMapKeyRef": {"name": "tls", "key": "mode"}},
                    },
                ]
            },
            "verify-ca",
        ),
        ({"envFrom": [{"prefix": "MLFLOW_", "secretRef": {"name": "whole"}}]}, "verify-full"),
    ],
)
def test_the_mode_is_what_libpq_would_take(container: dict[str, Any], mode: str | None) -> None:
    assert ssl_mode(container, entries) == mode


@pytest.mark.parametrize(
    ("mode", "promised", "less"),
    [
        ("verify-full", "verify-full", False),
        ("verify-full", "verify-ca", False),
        ("require", "verify-ca", True),
        ("prefer", "require", True),
        ("not set", "require", True),
    ],
)
def test_a_stronger_mode_keeps_the_promise(mode: str, promised: str, less: bool) -> None:
    assert weaker(mode, promised) is less
