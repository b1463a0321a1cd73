# SPDX-License-Identifier: Apache-2.0
"""Certificates in Secrets: how long they last, who signed them, and for which names."""

import base64
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

Certificates = Mapping[str, Mapping[str, list[x509.Certificate]]]
"""The certificates of each entry that holds some, by Secret and key."""
_BEGINS = b"-----BEGIN CERTIFICATE-----"


def certificates(secrets: Iterable[Mapping[str, Any]], used: Iterable[str]) -> Certificates:
    """What there is in Secrets that are used.

    Raises:
        ValueError: an entry begins as a certificate and is none.
    """
    names = set(used)
    found = {
        secret["metadata"]["name"]: dict(_entries(secret.get("data") or {}))
        for secret in secrets
        if secret["metadata"]["name"] in names
    }
    return {name: entries for name, entries in found.items() if entries}


def days_left(found: Certificates, now: datetime) -> dict[str, int]:
    """Whole days until the first certificate of each entry ends, negative after it."""
    return {
        f"{secret}/{key}": min((c.not_valid_after_utc - now).days for c in chain)
        for secret, entries in found.items()
        for key, chain in entries.items()
    }


def not_signed(found: Certificates) -> list[str]:
    """The Secrets whose certificate is not signed by the authority that lies beside it.

    Whoever takes the authority from the Secret would trust nobody, as after a renewal of one alone.
    """
    return sorted(
        secret
        for secret, entries in found.items()
        if "tls.crt" in entries
        and "ca.crt" in entries
        and not _signed(entries["tls.crt"][-1], entries["ca.crt"])
    )


def names_missing(found: Certificates, ingresses: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Hosts of Ingresses that the certificate of their Secret does not name, with that Secret.

    An entry that names no hosts is about those of all rules.
    """
    return {
        host: entry["secretName"]
        for ingress in ingresses
        for entry in ingress["spec"].get("tls") or []
        if entry.get("secretName")
        for host in entry.get("hosts") or _hosts(ingress["spec"])
        if not any(
            _names(c, host) for c in found.get(entry["secretName"], {}).get("tls.crt", [])[:1]
        )
    }


def _hosts(spec: Mapping[str, Any]) -> list[str]:
    return [rule["host"] for rule in spec.get("rules") or [] if rule.get("host")]


def _entries(data: Mapping[str, str]) -> Iterator[tuple[str, list[x509.Certificate]]]:
    for key, encoded in data.items():
        content = base64.b64decode(encoded)
        if _BEGINS in content:
            yield key, x509.load_pem_x509_certificates(content)


def _signed(last: x509.Certificate, authorities: Iterable[x509.Certificate]) -> bool:
    return any(last == authority or _signed_by(last, authority) for authority in authorities)


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names(certificate: x509.Certificate, host: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        known = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
        return not known.isdisjoint({host.lower(), f"*.{host.lower().partition('.')[2]}"})
