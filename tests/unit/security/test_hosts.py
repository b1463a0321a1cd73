# SPDX-License-Identifier: Apache-2.0
"""Names and pages, one's own and those of others."""

from fnmatch import fnmatchcase
from typing import Any

import pytest

from mlflow_conformance.security.hosts import Page, foreign, foreign_origins, pages


def _ingress(service: str, *hosts: str, tls: bool = True) -> dict[str, Any]:
    paths = [{"path": "/", "backend": {"service": {"name": service}}}]
    return {
        "spec": {
            "rules": [{"host": host, "http": {"paths": paths}} for host in hosts],
            "tls": [{"secretName": "s"}] if tls else [],
        }
    }


INGRESSES = [
    _ingress("mlflow", "mlflow.example.com", "*.example.com", ""),
    _ingress("other", "other.example.com"),
    {"spec": {"defaultBackend": {"resource": {}}, "rules": [{"host": "x"}]}},
]


def test_pages_are_at_the_hosts_that_lead_to_the_service() -> None:
    assert pages(INGRESSES, "mlflow", "https://localhost:15443") == [
        Page("mlflow.example.com", "https://mlflow.example.com"),
        Page("mlflow.example.com:15443", "https://mlflow.example.com:15443"),
    ]


@pytest.mark.parametrize(
    ("tls", "front", "scheme"),
    [(True, None, "https"), (False, None, "http"), (False, "https://m.example", "https")],
)
def test_pages_are_encrypted_where_the_ingress_or_the_front_door_is(
    tls: bool, front: str | None, scheme: str
) -> None:
    found = pages([_ingress("mlflow", "m.example", tls=tls)], "mlflow", front)
    assert found == [Page("m.example", f"{scheme}://m.example")]


@pytest.mark.parametrize("ingresses", [[], [_ingress("mlflow", "")], [_ingress("other", "o")]])
def test_without_a_host_of_an_ingress_pages_are_at_the_front_door(
    ingresses: list[dict[str, Any]],
) -> None:
    found = pages(ingresses, "mlflow", "https://m.example:8443/tracking")
    assert found == [Page("m.example:8443", "https://m.example:8443")]
    assert pages(ingresses, "mlflow", None) == []


def _listed(entries: list[str], value: str) -> bool:
    """As MLflow reads its lists."""
    return any(fnmatchcase(value, e) if "*" in e else value == e for e in entries)


OWN = ["mlflow", "mlflow.ns.svc:5000", "10.244.1.2:5000"]


@pytest.mark.parametrize(
    "allowed",
    ["*", "mlflow*", "*mlflow", "mlflow.ns.svc*", "*mlflow.ns.svc:5000", "10.244.*", "192.*"],
)
def test_a_list_that_lets_others_in_is_noticed(allowed: str) -> None:
    hosts = foreign(OWN, [], "madeup")
    assert any(_listed([*OWN, allowed], host) for host in hosts)
    assert not any(_listed(OWN, host) for host in hosts)


@pytest.mark.parametrize(
    "allowed", ["*", "https://*", "https://m.example*", "https://*m.example", "null"]
)
def test_origins_that_let_others_in_are_noticed(allowed: str) -> None:
    own = [Page("m.example", "https://m.example"), Page("localhost:1", "https://localhost:1")]
    known = [page.origin for page in own]
    origins = foreign_origins(own, "madeup")
    assert any(_listed([*known, allowed], origin) for origin in origins)
    assert not any(_listed(known, origin) for origin in origins)


def test_what_a_profile_lists_is_asked_as_well() -> None:
    assert "evil.example" in foreign(OWN, ["evil.example"], "madeup")
