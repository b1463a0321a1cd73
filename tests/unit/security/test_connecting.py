# SPDX-License-Identifier: Apache-2.0
"""What a container is told of TLS to its database, wherever it is told."""

from collections.abc import Mapping
from typing import Any

import pytest

from mlflow_conformance.security.connecting import ToldServer, is_one_of, told, weaker, weakest

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
    wanted = [] if mode is None else [ToldServer("h", mode, is_mlflows=True)]
    assert told(container, entries) == wanted


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ({"DATABASE_URI": "postgresql+psycopg2://u:p%40@db.ns.svc:5432/d"}, ["db.ns.svc"]),
        ({"ANY": "postgres://db"}, ["db"]),
        ({"PGHOST": "db"}, ["db"]),
        ({"PGHOST": "/tmp", "DATA_SOURCE_NAME": "user=u host=/tmp sslmode=disable"}, []),
        ({"URL": "https://db"}, []),
        ({"MLFLOW_BACKEND_STORE_URI": "sqlite:///m.db"}, [""]),
    ],
)
def test_servers_are_told_by_addresses_and_hosts(
    variables: dict[str, str], seen: list[str]
) -> None:
    env = [{"name": name, "value": value} for name, value in variables.items()]
    assert [at.host for at in told({"env": env}, entries)] == seen


@pytest.mark.parametrize(
    ("host", "servers", "same"),
    [
        ("db", {"db"}, True),
        ("db.mlflow.svc", {"db"}, True),
        ("db", {"db.mlflow.svc.cluster.local"}, True),
        ("other", {"db"}, False),
        ("10.0.0.1", {"10.0.0.2"}, False),
        ("10.0.0.1", {"10.0.0.1"}, True),
    ],
)
def test_a_service_has_longer_names_and_a_short_one(
    host: str, servers: set[str], same: bool
) -> None:
    assert is_one_of(host, servers) is same


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
    assert weakest([promised, mode]) == (mode if less else promised)
