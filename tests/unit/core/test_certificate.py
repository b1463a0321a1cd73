# SPDX-License-Identifier: Apache-2.0
"""A certificate of our own is taken for the name that it was made for, and for no other."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from mlflow_conformance.core.certificate import certificate_of


def _greeted(name: str, folder: Path, *, ended: bool = False) -> None:
    """Greet a server that has a certificate for another name than this, or for this."""
    made = certificate_of("hooks.models.svc", ended=ended)
    (folder / "c.pem").write_text(made.certificate)
    (folder / "k.pem").write_text(made.key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "c.pem", folder / "k.pem")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        serving = threading.Thread(target=_serve, args=(server, theirs))
        serving.start()
        try:
            trust = ssl.create_default_context(cadata=made.certificate)
            trust.wrap_socket(ours, server_hostname=name).close()
        finally:
            ours.close()
            serving.join()


def _serve(context: ssl.SSLContext, end: socket.socket) -> None:
    try:
        context.wrap_socket(end, server_side=True).close()
    except ssl.SSLError:
        end.close()  # the client did not take it, and says so itself


def test_it_is_taken_for_its_name(tmp_path: Path) -> None:
    _greeted("hooks.models.svc", tmp_path)


def test_it_is_not_taken_for_another(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _greeted("hooks.others.svc", tmp_path)


def test_one_that_ended_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        _greeted("hooks.models.svc", tmp_path, ended=True)


def test_its_key_is_not_shown() -> None:
    assert "PRIVATE" not in repr(certificate_of("a.svc"))
