# SPDX-License-Identifier: Apache-2.0
"""A server on a thread: whom it listens to, and what it says of what goes wrong."""

import socket
from http.server import BaseHTTPRequestHandler

import pytest

from mlflow_conformance.doors.http import NoReply, send
from mlflow_conformance.doors.http_server import HttpServer


def _ending_with(problem: Exception) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raise problem

    return Handler


def _get(url: str) -> None:
    with pytest.raises(NoReply):
        send("GET", url, headers={}, body=None, timeout_s=5)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (ConnectionResetError("gone"), False),
        (BrokenPipeError("gone"), False),
        (ValueError("a defect"), True),
        (OSError(28, "No space left on device"), True),
    ],
    ids=repr,
)
def test_a_client_that_is_gone_is_no_error_and_a_defect_is(
    capsys: pytest.CaptureFixture[str], problem: Exception, said: bool
) -> None:
    with HttpServer(_ending_with(problem)) as server:
        _get(server.url)  # the connection is closed after whatever was said
    assert (f"{type(problem).__name__}: " in capsys.readouterr().err) is said


def test_nobody_answers_after_its_end() -> None:
    with HttpServer(BaseHTTPRequestHandler) as server:
        socket.create_connection(("127.0.0.1", server.port), 5).close()
    _get(server.url)


def test_the_other_family_of_addresses() -> None:
    with HttpServer(BaseHTTPRequestHandler, "::1", family=socket.AF_INET6) as server:
        # It has no method GET, and says so.
        assert send("GET", server.url, headers={}, body=None, timeout_s=5).status == 501
