# SPDX-License-Identifier: Apache-2.0
"""Every way to fail has its name, and no request is sent twice."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from http_server import Behave, Exchange, Server, healthy
from mlflow_conformance.load.operations import LoadRequest
from mlflow_conformance.load.records import Failure
from mlflow_conformance.load.wire import Wire
from mlflow_conformance.load.workload import Connection

HEALTH = LoadRequest("GET", "/health", None, b"OK")


def wire(url: str, connection: Connection = "close", ca_file: str | None = None) -> Wire:
    return Wire(
        url, connection=connection, timeout_s=1, size=10, ca_file=ca_file, headers={"X-Test": "1"}
    )


async def unavailable(exchange: Exchange) -> None:
    await exchange.reply(b"no", status=503)


async def moved(exchange: Exchange) -> None:
    await exchange.reply(b"OK", status=302)


async def another_page(exchange: Exchange) -> None:
    await exchange.reply(b"<html>Please log in</html>")


async def ended(exchange: Exchange) -> None:
    await exchange.close()


async def reset(exchange: Exchange) -> None:
    await exchange.reset()


async def half(exchange: Exchange) -> None:
    await exchange.reply(b"OK", length=100)
    await exchange.close()


async def never(_exchange: Exchange) -> None:
    await asyncio.sleep(30)


async def drip(exchange: Exchange) -> None:
    # Every read gets something in time, and the whole never comes.
    await exchange.reply(b"O", length=1000)
    for _ in range(100):
        await asyncio.sleep(0.1)
        exchange._writer.write(b"O")


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize(
    ("behave", "expected"),
    [
        (healthy, (200, "")),
        (unavailable, (503, "status")),
        (moved, (302, "status")),
        (another_page, (200, "body")),
        (ended, (0, "reset")),
        (reset, (0, "reset")),
        (half, (0, "reset")),
        (never, (0, "timeout")),
        (drip, (0, "timeout")),
    ],
)
def test_a_request_is_sent_once_and_its_failure_named(
    behave: Behave, expected: tuple[int, Failure], connection: Connection
) -> None:
    with Server(behave) as server:
        assert wire(server.url, connection).send(HEALTH) == expected
        assert server.requests == 1


def test_refused_and_unknown_names() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert wire(f"http://127.0.0.1:{closed.getsockname()[1]}").send(HEALTH) == (0, "refused")
    assert wire("http://no-such-host.invalid").send(HEALTH)[1] in ("name", "timeout")


@pytest.mark.parametrize(("connection", "accepted"), [("close", 5), ("keep-alive", 1)])
def test_connections_are_used_as_the_workload_says(connection: Connection, accepted: int) -> None:
    with Server() as server:
        way = wire(server.url, connection)
        assert [way.send(HEALTH) for _ in range(5)] == [(200, "")] * 5
        way.close()
        assert server.connections == accepted


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_tls_is_verified(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Server(tls=context) as server:
        assert wire(server.url, ca_file=str(certificate)).send(HEALTH) == (200, "")
        assert wire(server.url).send(HEALTH) == (0, "tls")
