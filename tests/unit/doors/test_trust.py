# SPDX-License-Identifier: Apache-2.0
"""Which name the certificate of MLflow's pods must have."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from http_server import Server
from mlflow_conformance.doors import trust
from mlflow_conformance.doors.http import NoReply, send
from mlflow_conformance.doors.trust import Trust
from mlflow_conformance.doors.upload import Upload


@pytest.fixture
def _told() -> Iterator[None]:
    trust.learn(Trust("/pods.crt", "mlflow.ml.svc", ("mlflow-tls.ml.svc",)))
    yield
    trust.learn(None)


@pytest.mark.usefixtures("_told")
@pytest.mark.parametrize(
    ("url", "ca_file", "expected"),
    [
        ("https://10.1.2.3:5000/health", None, ("/pods.crt", "mlflow.ml.svc")),
        ("https://[fd00::7]:5000/health", None, ("/pods.crt", "mlflow.ml.svc")),
        ("https://mlflow-tls.ml.svc:443", None, ("/pods.crt", "mlflow.ml.svc")),
        ("https://elsewhere.example", None, ("/pods.crt", "elsewhere.example")),
        # What names its own authority is told by that one, by its own name.
        ("https://10.1.2.3:5000/health", "/front.crt", ("/front.crt", "10.1.2.3")),
    ],
)
def test_a_pod_is_known_by_a_name_that_its_address_is_not(
    url: str, ca_file: str | None, expected: tuple[str, str]
) -> None:
    assert trust.known(url, ca_file) == expected


def test_without_a_word_the_system_s_authorities_count() -> None:
    assert trust.known("https://10.1.2.3/") == (None, "10.1.2.3")


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A self-signed certificate of mlflow.ml.svc with its key, in one file."""
    path = tmp_path_factory.mktemp("tls") / "pods.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=mlflow.ml.svc"),
            *("-addext", "subjectAltName=DNS:mlflow.ml.svc"),
            *("-keyout", str(path), "-out", f"{path}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return str(path)


@pytest.fixture
def pod(pem: str) -> Iterator[Server]:
    """A pod with that certificate, which asks for one of its clients' too, and is at an address."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    tls.load_verify_locations(pem)
    tls.verify_mode = ssl.CERT_OPTIONAL
    with Server(tls=tls) as server:
        yield server
    trust.learn(None)


def get(url: str, client_file: str | None = None) -> int:
    """The status of the reply."""
    return send(
        "GET", url, headers={}, body=None, timeout_s=5, client_file=client_file
    ).status  # fmt: skip


def test_a_pod_is_asked_by_its_address_and_known_by_its_name(pod: Server, pem: str) -> None:
    with pytest.raises(NoReply, match="tls"):
        get(pod.url)
    trust.learn(Trust(pem, "mlflow.ml.svc"))
    assert get(pod.url) == 200
    assert get(pod.url, client_file=pem) == 200
    assert Upload(pod.url, {}, seed="a", length=10, sent=10).send() == 200
    # That somebody has a certificate of the authority does not make it MLflow.
    trust.learn(Trust(pem, "other.ml.svc"))
    with pytest.raises(NoReply, match="tls"):
        get(pod.url)
    assert Upload(pod.url, {}, seed="a", length=10, sent=10).send() is None


def test_a_server_that_wants_to_know_its_clients(pem: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    tls.load_verify_locations(pem)
    tls.verify_mode = ssl.CERT_REQUIRED
    trust.learn(Trust(pem, "mlflow.ml.svc"))
    try:
        with Server(tls=tls) as server:
            with pytest.raises(NoReply):
                get(server.url)
            assert get(server.url, client_file=pem) == 200
            upload = Upload(server.url, {}, seed="a", length=10, sent=10, client_file=pem)
            assert upload.send() == 200
    finally:
        trust.learn(None)
