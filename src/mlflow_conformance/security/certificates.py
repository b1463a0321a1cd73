# SPDX-License-Identifier: Apache-2.0
"""Certificates in Secrets: how long they last, who signed them, and for which names."""

import base64
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from mlflow_conformance.cluster.backends import backends

Certificates = Mapping[str, Mapping[str, list[x509.Certificate]]]
"""The certificates of each entry that holds some, by Secret and key."""
_BEGINS = b"-----BEGIN CERTIFICATE-----"
_CALLED = (".crt", ".pem", ".cer", ".cert", ".ca-bundle")
"""How the names of files of certificates end."""


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
    """Whole days until the first certificate of each entry ends, negative after it.

    An authority that was renewed under its name stands for the one before it.
    """
    return {
        f"{secret}/{key}": min((end - now).days for end in _ends(chain))
        for secret, entries in found.items()
        for key, chain in entries.items()
    }


def trusted(configmaps: Iterable[Mapping[str, Any]], mounted: Iterable[str]) -> Certificates:
    """The authorities in ConfigMaps that pods mount, by ``ConfigMap NAME``.

    Raises:
        ValueError: an entry that is called so is no certificate.
    """
    names = set(mounted)
    found = {
        f"ConfigMap {item['metadata']['name']}": {
            key: x509.load_pem_x509_certificates(text.encode())
            for key, text in (item.get("data") or {}).items()
            if key.endswith(_CALLED) and _BEGINS.decode() in text
        }
        for item in configmaps
        if item["metadata"]["name"] in names
    }
    return {name: entries for name, entries in found.items() if entries}


def days_trusted(found: Certificates, now: datetime) -> dict[str, int]:
    """Whole days until the last authority of each entry ends, negative after it.

    Of several, such as those of a cloud, nobody knows which one is needed.
    """
    return {
        f"{name}/{key}": max((c.not_valid_after_utc - now).days for c in authorities)
        for name, entries in found.items()
        for key, authorities in entries.items()
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
            names(c, host) for c in found.get(entry["secretName"], {}).get("tls.crt", [])[:1]
        )
    }


def names(certificate: x509.Certificate, host: str) -> bool:
    """Whether a certificate is for a host, a name or an address (RFC 6125, section 6.4)."""
    try:
        known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ipaddress.ip_address(host) in known.get_values_for_type(x509.IPAddress)
    except ValueError:
        called = {name.lower() for name in known.get_values_for_type(x509.DNSName)}
        return not called.isdisjoint({host.lower(), f"*.{host.lower().partition('.')[2]}"})


def plain_hosts(ingresses: Iterable[Mapping[str, Any]], service: str) -> list[str]:
    """Hosts at which Ingresses lead to a Service without a certificate, while others have one.

    Where none of them names one the ingress controller has it from elsewhere, as for all hosts. One
    whose annotations speak of a redirect leads to those that have one.
    """
    leading = [i for i in ingresses if _leads(i, service) and not _redirects(i)]
    if not any(i["spec"].get("tls") for i in leading):
        return []
    return sorted(
        f"{ingress['metadata']['name']}: {host}"
        for ingress in leading
        for host in _hosts(ingress["spec"]) or ["any host"]
        if not any(_is_for(entry, host) for entry in ingress["spec"].get("tls") or [])
    )


def _leads(ingress: Mapping[str, Any], service: str) -> bool:
    return any(backend.name == service for backend in backends(ingress["spec"], own=""))


def _redirects(ingress: Mapping[str, Any]) -> bool:
    notes = (ingress["metadata"].get("annotations") or {}).items()
    return any("redirect" in f"{key} {value}" and value != "false" for key, value in notes)


def _is_for(entry: Mapping[str, Any], host: str) -> bool:
    """Whether an entry of `tls` is about a host; one that names none is about all."""
    hosts = entry.get("hosts") or [host]
    return host == "any host" or not {host, f"*.{host.partition('.')[2]}"}.isdisjoint(hosts)


def _ends(chain: Iterable[x509.Certificate]) -> Iterable[datetime]:
    """When the certificates of an entry end, by whom they are about."""
    latest: dict[x509.Name, datetime] = {}
    for certificate in chain:
        end = certificate.not_valid_after_utc
        latest[certificate.subject] = max(end, latest.get(certificate.subject, end))
    return latest.values()


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
