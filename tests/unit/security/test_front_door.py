# SPDX-License-Identifier: Apache-2.0
"""What a real TLS server shows of itself."""

import ipaddress
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.security import front_door
from mlflow_conformance.security.certificates import names

Pair = tuple[Path, str]
"""A file with certificate and key, and the certificate as text."""

NOW = datetime.now(UTC)


def pair(folder: Path, name: str, days: int) -> Pair:
    """A self-signed certificate of localhost that ends in so many days."""
    key = rsa.generate_private_key(65537, 2048)
    of = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    known = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(of)
        .issuer_name(of)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=100))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = made.public_bytes(serialization.Encoding.PEM).decode()
    path = folder / f"{name}.pem"
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    path.write_text(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain).decode() + text)
    return path, text


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return pair(tmp_path_factory.mktemp("good"), "good", 90)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return pair(tmp_path_factory.mktemp("ended"), "ended", -1)


@contextmanager
def serving(certificate: Path, oldest: ssl.TLSVersion, newest: ssl.TLSVersion) -> Iterator[int]:
    """A server of these versions of TLS; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version, context.minimum_version = newest, oldest

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue  # the client had what it wanted

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener])
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


V = ssl.TLSVersion


def door(port: int, host: str = "localhost") -> front_door.Handshakes:
    return front_door.at(f"https://{host}:{port}/mlflow", 5)


def test_the_certificate_that_is_shown(good: Pair, ended: Pair) -> None:
    with serving(good[0], V.TLSv1_2, V.TLSv1_3) as port:
        shown = door(port).certificate()
        assert names(shown, "localhost")
        assert not names(shown, "mlflow.example.com")
        assert 88 <= (shown.not_valid_after_utc - NOW).days <= 90
        assert names(door(port, "127.0.0.1").certificate(), "127.0.0.1")
        assert door(port).distrusted(good[1]) == ""
        assert door(port).distrusted(ended[1]) == "self-signed certificate"
        assert door(port).distrusted(None) == "self-signed certificate"
    with serving(ended[0], V.TLSv1_2, V.TLSv1_3) as port:
        assert (door(port).certificate().not_valid_after_utc - NOW).days < 0
        assert door(port).distrusted(ended[1]) == "certificate has expired"


@pytest.mark.parametrize(
    ("oldest", "newest", "taken"),
    [
        (V.TLSv1_2, V.TLSv1_3, ["TLSv1.2", "TLSv1.3"]),
        (V.TLSv1_3, V.TLSv1_3, ["TLSv1.3"]),
        (V.TLSv1, V.TLSv1_2, ["TLSv1", "TLSv1.1", "TLSv1.2"]),
        (V.TLSv1_1, V.TLSv1_1, ["TLSv1.1"]),
    ],
)
def test_the_versions_that_are_taken(
    good: Pair, oldest: ssl.TLSVersion, newest: ssl.TLSVersion, taken: list[str]
) -> None:
    with serving(good[0], oldest, newest) as port:
        assert door(port).taken() == taken


def test_who_speaks_no_tls_is_not_judged() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for ask in (door(port).certificate, door(port).taken, lambda: door(port).distrusted(None)):
        with pytest.raises(Undecided, match=f"localhost:{port} ends no TLS handshake"):
            ask()
    with pytest.raises(Undecided, match="http://localhost is not by https"):
        front_door.at("http://localhost", 5)


def test_a_version_that_this_machine_cannot_offer_is_told(
    monkeypatch: pytest.MonkeyPatch, good: Pair
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ssl.SSLError(1, "no protocols available")

    with serving(good[0], V.TLSv1_2, V.TLSv1_3) as port:
        monkeypatch.setattr(ssl.SSLContext, "wrap_bio", refuse)
        with pytest.raises(Undecided, match=r"this machine cannot offer TLSv1, so .* protocols"):
            door(port).taken()
