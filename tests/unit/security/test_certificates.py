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

from mlflow_conformance.cluster.configmap_uses import mounted_by
from mlflow_conformance.security.certificates import (
    certificates,
    days_left,
    days_trusted,
    names_missing,
    not_signed,
    plain_hosts,
    trusted,
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


def _leading(name: str, host: str | None, **more: Any) -> dict[str, Any]:
    notes = more.pop("annotations", {})
    paths = [{"backend": {"service": {"name": "mlflow"}}}]
    rule = {"http": {"paths": paths}, **({"host": host} if host else {})}
    return {"metadata": {"name": name, "annotations": notes}, "spec": {"rules": [rule], **more}}


SECURE = _leading("a", "a.example", tls=[{"hosts": ["a.example"], "secretName": "s"}])


@pytest.mark.parametrize(
    ("ingress", "told"),
    [
        (_leading("b", "b.example"), ["b: b.example"]),
        (_leading("b", None), ["b: any host"]),
        (_leading("b", "b.example", tls=[{"hosts": ["a.example"]}]), ["b: b.example"]),
        (_leading("b", "b.example", tls=[{"hosts": ["*.example"]}]), []),
        (_leading("b", "b.example", tls=[{"secretName": "s"}]), []),
        (_leading("b", "a.example", annotations={"x/middlewares": "web-redirect@x"}), []),
        (_leading("b", "b.example", annotations={"ssl-redirect": "false"}), ["b: b.example"]),
        ({"metadata": {"name": "b"}, "spec": {"defaultBackend": {"resource": {}}}}, []),
    ],
)
def test_hosts_without_a_certificate(ingress: dict[str, Any], told: list[str]) -> None:
    assert plain_hosts([SECURE, ingress], "mlflow") == told


def test_where_no_ingress_names_a_certificate_it_is_elsewhere() -> None:
    assert plain_hosts([_leading("b", "b.example")], "mlflow") == []


def test_an_authority_that_was_renewed_stands_for_the_one_before_it() -> None:
    renewed = Authority("ours")
    before = OURS.signed(OURS.name, OURS.key.public_key(), -5)
    both = b"".join(c.public_bytes(Encoding.PEM) for c in (before, renewed.certificate)).decode()
    found = certificates([_secret("trust", ca_crt=both)], ["trust"])
    assert days_left(found, NOW) == {"trust/ca.crt": 100}
    ended = (
        both
        + OTHERS.signed(OTHERS.name, OTHERS.key.public_key(), -7)
        .public_bytes(Encoding.PEM)
        .decode()
    )
    found = certificates([_secret("trust", ca_crt=ended)], ["trust"])
    assert days_left(found, NOW) == {"trust/ca.crt": -7}


def _pem(*found: x509.Certificate) -> str:
    return b"".join(c.public_bytes(Encoding.PEM) for c in found).decode()


def test_of_authorities_in_a_configmap_the_last_one_counts() -> None:
    ended = OTHERS.signed(OTHERS.name, OTHERS.key.public_key(), -7)
    configmaps = [
        {"metadata": {"name": "one"}, "data": {"ca.crt": _pem(ended)}},
        {"metadata": {"name": "many"}, "data": {"all.pem": _pem(ended, OURS.certificate)}},
        {"metadata": {"name": "idle"}, "data": {"ca.crt": _pem(ended)}},
        {"metadata": {"name": "program"}, "data": {"make.py": f"text = '''{_pem(ended)[:60]}'''"}},
        {"metadata": {"name": "empty"}},
    ]
    spec = {
        "volumes": [
            {"name": "a", "configMap": {"name": "one"}},
            {"name": "b", "projected": {"sources": [{"configMap": {"name": "many"}}]}},
            {"name": "c", "configMap": {"name": "program"}},
            {"name": "d", "emptyDir": {}},
        ]
    }
    found = trusted(configmaps, mounted_by(spec))
    assert days_trusted(found, NOW) == {"ConfigMap one/ca.crt": -7, "ConfigMap many/all.pem": 100}
