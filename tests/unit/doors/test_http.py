# SPDX-License-Identifier: Apache-2.0
"""One request, one try, and a name for every way in which no reply comes: on real sockets."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mlflow_conformance.doors.http import NoReply, Reply, send
from mlflow_conformance.doors.mlflow import ApiError, MlflowApi, answer, error_of
from senders import Always, Asked

Behaviour = Callable[[socket.socket], object]
Serve = Callable[[Behaviour], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that treats every connection in one way; gives its port."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(behaviour: Behaviour) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    behaviour(connection)

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join()


def get(port: int, timeout_s: float = 5, scheme: str = "http", ca_file: str | None = None) -> Reply:
    return send(
        "GET",
        f"{scheme}://127.0.0.1:{port}/",
        headers={},
        body=None,
        timeout_s=timeout_s,
        ca_file=ca_file,
    )


def lost(port: int, timeout_s: float = 5, scheme: str = "http") -> NoReply:
    with pytest.raises(NoReply) as told:
        get(port, timeout_s, scheme)
    return told.value


def read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    return received


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_reply(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b'HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 9\r\n\r\n{"a": 1}\n')

    reply = get(serve(behave))
    assert (reply.status, reply.headers["X-A"], reply.json()) == (201, "b", {"a": 1})
    assert 0 < reply.elapsed_s < 5


def test_the_request_is_what_was_asked_for(serve: Serve) -> None:
    requests: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    port = serve(behave)
    send("PATCH", f"http://127.0.0.1:{port}/a?b=c", headers={"X-Y": "z"}, body=b"12", timeout_s=5)
    (request,) = requests
    assert request.startswith(b"PATCH /a?b=c HTTP/1.1\r\n")
    assert b"X-Y: z\r\n" in request
    assert b"Connection: close\r\n" in request


def test_a_redirect_is_a_reply_and_not_followed(serve: Serve) -> None:
    seen: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")

    assert get(serve(behave)).status == 302
    assert len(seen) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_error_is_a_reply_and_not_tried_again(serve: Serve, status: int) -> None:
    seen: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(
            b"HTTP/1.1 %d No\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n" % status
        )

    assert get(serve(behave)).status == status
    assert len(seen) == 1


def test_a_proxy_of_the_environment_is_not_used(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    assert get(serve(behave)).status == 200


def test_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    problem = lost(port)
    assert problem.failure == "refused"
    assert problem.detail.endswith("Connection refused")
    assert "retries" not in problem.detail
    assert problem.elapsed_s < 2


def test_no_answer_in_time(serve: Serve) -> None:
    release = threading.Event()
    try:
        problem = lost(serve(lambda _: release.wait(10)), timeout_s=0.2)
    finally:
        release.set()
    assert problem.failure == "timeout"
    assert 0.2 <= problem.elapsed_s < 3


def test_no_connection_in_time() -> None:
    # A full backlog drops further SYNs, as a denied path does.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fill = [socket.socket() for _ in range(4)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        problem = lost(port, timeout_s=0.3)
        for one in fill:
            one.close()
    assert problem.failure == "timeout"


def test_silence_in_the_middle_of_a_body(serve: Serve) -> None:
    release = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        release.wait(10)

    try:
        assert lost(serve(behave), timeout_s=0.2).failure == "timeout"
    finally:
        release.set()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="before the reply"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConte", id="in the headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", id="in the body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", id="in chunks"
        ),
    ],
)
@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_reply_cut_short_is_no_reply(serve: Serve, sent: bytes, how: str) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(sent)
        if how == "reset":
            time.sleep(0.05)  # the reset must not overtake what was sent
            reset(connection)

    assert lost(serve(behave)).failure == "reset"


def test_a_reply_that_ends_with_the_connection_alone_is_no_reply(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it, or not")

    assert "does not say where it ends" in lost(serve(behave)).detail


def test_what_is_not_http(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    assert lost(serve(behave)).failure in ("reset", "other")


def test_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NoReply) as told:
        send("GET", "http://mlflow.invalid/", headers={}, body=None, timeout_s=1)
    assert told.value.failure == "name"


@pytest.mark.parametrize(
    "url", ["nonsense", "http://", "http://[", "ftp://127.0.0.1/", "http://a..b/"]
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(NoReply) as told:
        send("GET", url, headers={}, body=None, timeout_s=1)
    assert told.value.failure in ("other", "name")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
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


def speak_tls(certificate: Path) -> Behaviour:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def behave(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                read_request(secure)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (ssl.SSLError, OSError):
            return  # the client refused the certificate: what the test is about

    return behave


def test_an_unknown_authority_is_no_reply(serve: Serve, certificate: Path) -> None:
    assert lost(serve(speak_tls(certificate)), scheme="https").failure == "tls"


def test_the_authority_that_is_named_is_trusted(serve: Serve, certificate: Path) -> None:
    port = serve(speak_tls(certificate))
    assert get(port, scheme="https", ca_file=str(certificate)).status == 200


def test_plain_text_where_tls_is_spoken(serve: Serve, certificate: Path) -> None:
    assert lost(serve(speak_tls(certificate))).failure == "reset"


def test_tls_where_plain_text_is_spoken(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert lost(serve(behave), scheme="https").failure == "tls"


def reply(status: int, body: bytes) -> Reply:
    return Reply(status, {}, body, 0.1)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            b'{"error_code": "RESOURCE_ALREADY_EXISTS", "message": "m"}',
            ("RESOURCE_ALREADY_EXISTS", "m"),
        ),
        (b'{"detail": "no"}', ("", '{"detail": "no"}')),
        (b"[]", ("", "[]")),
        (b"<html>" + b"x" * 500, ("", "<html>" + "x" * 194)),
        (b"\xff", ("", "\ufffd")),
    ],
)
def test_mlflows_error_of_a_reply(body: bytes, told: tuple[str, str]) -> None:
    assert error_of(reply(400, body)) == told


@pytest.mark.parametrize(
    ("status", "body"), [(404, b"{}"), (200, b"[]"), (200, b"<html>"), (500, b"")]
)
def test_what_is_no_answer_is_an_api_error(status: int, body: bytes) -> None:
    with pytest.raises(ApiError, match=f"runs/get: HTTP {status}"):
        answer("runs/get", reply(status, body))


def test_an_api_call_is_one_request() -> None:
    server = Always()
    api = MlflowApi("http://m", server, {"Authorization": "x"})
    assert answer("runs/get", api.get("runs/get", run_id="a b")) == {}
    api.post("runs/create", experiment_id="0")
    assert server.asked == [
        Asked("GET", "http://m/api/2.0/mlflow/runs/get?run_id=a+b", {"Authorization": "x"}, None),
        Asked(
            "POST",
            "http://m/api/2.0/mlflow/runs/create",
            {"Authorization": "x", "Content-Type": "application/json"},
            b'{"experiment_id": "0"}',
        ),
    ]
