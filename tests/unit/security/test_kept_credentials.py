# SPDX-License-Identifier: Apache-2.0
"""Which entries of Secrets are credentials."""

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mlflow_conformance.security.kept_credentials import kept_credentials


def _secret(name: str, type_: str = "Opaque", **entries: str) -> dict[str, Any]:
    data = {k: base64.b64encode(v.encode()).decode() for k, v in entries.items()}
    return {"metadata": {"name": name}, "type": type_, "data": data}


def test_what_is_kept_is_judged_by_what_it_becomes_as_well() -> None:
    secrets = [
        _secret("a", entry="one", password="two", idle="three"),
        _secret("b", token="four", user="five"),
        _secret("pull", "kubernetes.io/dockerconfigjson", password="six"),
        _secret("unused", password="seven", uri="https://user:eight@host"),
        {"metadata": {"name": "empty"}, "type": "Opaque"},
    ]
    entry = {"secretKeyRef": {"name": "a", "key": "entry"}}
    absent = {"secretKeyRef": {"name": "a", "key": "absent"}}
    env = [{"name": "SMTP_PASSWORD", "valueFrom": entry}, {"name": "X", "valueFrom": absent}]
    whole = [{"secretRef": {"name": name}} for name in ("b", "pull", "missing", "empty")]
    found = kept_credentials(
        secrets, [{"containers": [{"env": env}]}, {"containers": [{"envFrom": whole}]}]
    )
    assert found.credentials == {
        "a/entry": "one",
        "a/password": "two",
        "b/token": "four",
        "unused/password": "seven",
        "unused/uri": "eight",
    }
    assert found.others == {"a/idle", "b/user"}


def test_a_line_of_a_private_key_is_in_nothing_that_is_public() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    modulus = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for key in (curve, modulus):
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        secret = _secret("tls", "kubernetes.io/tls", key=text, crt="no key")
        found = kept_credentials([secret], []).private_keys
        assert list(found) == ["tls/key"]
        assert found["tls/key"] in text
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert base64.b64decode(found["tls/key"]) not in public
