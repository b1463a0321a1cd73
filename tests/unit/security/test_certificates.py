# SPDX-License-Identifier: Apache-2.0
"""Certificates that end, that another authority signed, and for other hosts."""

import base64
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mlflow_conformance.security.certificates import (
    certificates,
    days_left,
    names_missing,
    not_signed,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Authority:
    """A key, and its certificate of a hundred days."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.signed(self.name, self.key.public_key(), 100)

    def signed(
        self, name: x509.Name, key: Any, days: int, names: Sequence[x509.GeneralName] = ()
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=200))
            .not_valid_after(NOW + timedelta(days=days))
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def leaf(self, *names: str, days: int = 50, address: str = "") -> x509.Certificate:
        known: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        if address:
            known.append(x509.IPAddress(ipaddress.ip_address(address)))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        return self.signed(subject, key, days, known)


OURS, OTHERS = Authority("ours"), Authority("others")


def _secret(name: str, **entries: x509.Certificate | str) -> dict[str, Any]:
    data = {
        key.replace("_", "."): base64.b64encode(
            value.encode() if isinstance(value, str) else value.public_bytes(Encoding.PEM)
        ).decode()
        for key, value in entries.items()
    }
    return {"metadata": {"name": name}, "data": data}


def test_days_are_those_of_every_certificate_in_use() -> None:
    secrets = [
        _secret("tls", tls_crt=OURS.leaf(days=-3), ca_crt=OURS.certificate, password="x"),
        _secret("idle", tls_crt=OURS.leaf(days=-9)),
        _secret("plain", password="x"),
    ]
    found = certificates(secrets, ["tls", "plain", "missing"])
    assert days_left(found, NOW) == {"tls/tls.crt": -3, "tls/ca.crt": 100}


def test_what_begins_as_a_certificate_and_is_none_is_told() -> None:
    with pytest.raises(ValueError, match=r"."):
        certificates([_secret("tls", tls_crt="-----BEGIN CERTIFICATE-----\nx")], ["tls"])


def test_the_authority_beside_it_signed_it() -> None:
    secrets = [
        _secret("good", tls_crt=OURS.leaf(), ca_crt=OURS.certificate),
        _secret("itself", tls_crt=OURS.certificate, ca_crt=OURS.certificate),
        _secret("alone", tls_crt=OURS.leaf()),
        _secret("other", tls_crt=OURS.leaf(), ca_crt=OTHERS.certificate),
    ]
    assert not_signed(certificates(secrets, ["good", "itself", "alone", "other"])) == ["other"]


def test_hosts_are_named() -> None:
    leaf = OURS.leaf("a.example", "*.b.example", address="192.0.2.7")
    found = certificates([_secret("s", tls_crt=leaf), _secret("n", tls_crt=OURS.leaf())], "sn")
    tls = [
        {"hosts": ["A.example", "x.b.example", "192.0.2.7"], "secretName": "s"},
        {"hosts": ["b.example", "192.0.2.8"], "secretName": "s"},
        {"hosts": ["n.example"], "secretName": "n"},
        {"hosts": ["m.example"], "secretName": "missing"},
        {"hosts": ["theirs.example"]},
    ]
    of_rules = {"tls": [{"secretName": "n"}], "rules": [{"host": "rule.example"}, {}]}
    assert names_missing(found, [{"spec": of_rules}]) == {"rule.example": "n"}
    assert names_missing(found, [{"spec": {"tls": tls}}, {"spec": {}}]) == {
        "b.example": "s", "192.0.2.8": "s", "n.example": "n", "m.example": "missing",
    }  # fmt: skip
