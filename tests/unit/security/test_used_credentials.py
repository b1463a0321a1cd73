# SPDX-License-Identifier: Apache-2.0
"""Which entries of Secrets are credentials."""

import base64
from typing import Any

from mlflow_conformance.security.used_credentials import used_credentials


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
