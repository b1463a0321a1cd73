# SPDX-License-Identifier: Apache-2.0
"""Which entries of Secrets are credentials."""

import base64
from typing import Any

import pytest

from mlflow_conformance.security.used_credentials import credentials_in, used_credentials


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("postgresql-password", "hunter2", ["hunter2"]),
        ("kek-passphrase", "a phrase", ["a phrase"]),
        ("s3-secret-key", "abc", ["abc"]),
        ("AWS_SECRET_ACCESS_KEY", "abc", ["abc"]),
        ("kms-key", "name:abc", ["name:abc"]),
        ("apiKey", "abc", ["abc"]),
        ("backend-store-uri", "postgresql://mlflow:p%40ss@db:5432/mlflow", ["p@ss"]),
        ("password-of-nobody", "https://s3.example/", []),
        ("postgresql-username", "mlflow", []),
        ("s3-access-key", "mlflow", []),
        ("AWS_ACCESS_KEY_ID", "AKIA", []),
        ("password-file", "/run/password", []),
        ("use-token", "true", []),
        ("password", "", []),
        ("tls.key", "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n", []),
        ("probe.curlrc", 'user = "readiness-probe:abc"\n', []),
        ("uri", "http://[broken", []),
    ],
)
def test_an_entry_by_its_name_and_value(name: str, value: str, found: list[str]) -> None:
    assert list(credentials_in(value, [name])) == found


def _secret(name: str, type_: str = "Opaque", **entries: str) -> dict[str, Any]:
    data = {k: base64.b64encode(v.encode()).decode() for k, v in entries.items()}
    return {"metadata": {"name": name}, "type": type_, "data": data}


def test_what_is_used_is_judged_by_what_it_becomes_as_well() -> None:
    secrets = [
        _secret("a", entry="one", password="two", idle="three"),
        _secret("b", token="four", user="five"),
        _secret("pull", "kubernetes.io/dockerconfigjson", password="six"),
        _secret("unused", password="seven"),
        {"metadata": {"name": "empty"}, "type": "Opaque"},
    ]
    entry = {"secretKeyRef": {"name": "a", "key": "entry"}}
    absent = {"secretKeyRef": {"name": "a", "key": "absent"}}
    env = [{"name": "SMTP_PASSWORD", "valueFrom": entry}, {"name": "X", "valueFrom": absent}]
    whole = [{"secretRef": {"name": name}} for name in ("b", "pull", "missing", "empty")]
    found = used_credentials(
        secrets, [{"containers": [{"env": env}]}, {"containers": [{"envFrom": whole}]}]
    )
    assert found.credentials == {"a/entry": "one", "b/token": "four"}
    assert found.others == {"b/user"}
