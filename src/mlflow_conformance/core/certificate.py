# SPDX-License-Identifier: Apache-2.0
"""A certificate that is its own authority, for a server of our own; nobody else trusts it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_VALID = timedelta(days=1)
_SKEW = timedelta(minutes=5)
"""By so much clocks may differ."""


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate that is its own authority; all of it PEM."""

    certificate: str
    key: str = field(repr=False)


def certificate_of(host: str, *, ended: bool = False) -> ServerCertificate:
    """A new one, for a day.

    Args:
        host: the name by which the server is called.
        ended: that day was a month ago.
    """
    # Few runs make one, and loading it takes longer than making it.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mlflow-conformance")])
    start = datetime.now(UTC) - (timedelta(days=30) if ended else _SKEW)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _VALID)
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
