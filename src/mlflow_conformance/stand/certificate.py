# SPDX-License-Identifier: Apache-2.0
"""A certificate for a server of our own that the cluster's API server asks, for a day."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_BEFORE, _AFTER = timedelta(minutes=5), timedelta(days=1)


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate that is its own authority; all of it PEM."""

    certificate: str
    key: str = field(repr=False)


def certificate_of(host: str) -> ServerCertificate:
    """A new one.

    Args:
        host: the name by which the server is called.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mlflow-conformance")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _AFTER)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return ServerCertificate(
        certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
    )
