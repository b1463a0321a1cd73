# SPDX-License-Identifier: Apache-2.0
"""A real HTTP server that keeps what is posted to it: where MLflow delivers webhooks to."""

import base64
import itertools
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

from pydantic import JsonValue

from mlflow_conformance.doors.http_server import HttpServer

_REFUSED = 503
_NANOSECONDS = 1_000_000_000


class Receiver:
    """Listens from its making until `stop`; answers every POST, and keeps each."""

    def __init__(
        self, port: int, refused: str, refusals: int, family: socket.AddressFamily = socket.AF_INET
    ) -> None:
        """Listen on every address of this machine.

        Args:
            family: of its addresses.
            port: 0 for any that is free.
            refused: the path whose first `refusals` posts are answered with 503.

        Raises:
            OSError: the port is taken.
        """
        self._lock = threading.Lock()
        self._posts: list[tuple[int, dict[str, JsonValue]]] = []
        self._refused, self._refusals = refused, refusals
        self._server = HttpServer(_handler(self), "", port, family)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    def keep(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Keep one post; returns the status that it is answered with."""
        with self._lock:
            status = 200
            if path == self._refused and self._refusals:
                self._refusals -= 1
                status = _REFUSED
            post: dict[str, JsonValue] = {
                "path": path,
                "headers": {k.lower(): v for k, v in headers.items()},
                "body_base64": base64.b64encode(body).decode(),
                "status": status,
            }
            self._posts.append((time.monotonic_ns(), post))
        return status

    def posts(self) -> list[dict[str, JsonValue]]:
        """Everything so far, in the order in which it came, and how long ago that was."""
        with self._lock:
            now = time.monotonic_ns()
            return [{**post, "age_s": (now - came) / _NANOSECONDS} for came, post in self._posts]

    def stop(self) -> None:
        """Stop listening."""
        self._server.close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Keep it."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(receiver.keep(self.path, dict(self.headers.items()), body))
            self.send_header("Content-Length", "0")
            # MLflow keeps connections: one that outlived this receiver would take the next one's.
            self.send_header("Connection", "close")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """What came is kept; standard error stays quiet."""

    return Handler


_RUNNING: dict[int, Receiver] = {}
_NUMBERS = itertools.count(1)


def start(port: int, refused: str, refusals: int, towards: str) -> tuple[int, str]:
    """Start a receiver in this process; returns its number and its URL.

    Args:
        towards: a host; the URL holds this machine's address on the way there.

    Raises:
        OSError: the port is taken, or there is no way there.
    """
    family, _, _, _, there = socket.getaddrinfo(towards, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(there)  # sends nothing: it only chooses the way
        address: str = probe.getsockname()[0]
    receiver = Receiver(port, refused, refusals, family)
    number = next(_NUMBERS)
    _RUNNING[number] = receiver
    host = f"[{address}]" if ":" in address else address
    return number, f"http://{host}:{receiver.port}"


def posts(number: int) -> list[dict[str, JsonValue]]:
    """What a receiver of this process has kept so far.

    Raises:
        KeyError: there is none of that number.
    """
    return _RUNNING[number].posts()


def stop(number: int) -> None:
    """Stop a receiver of this process.

    Raises:
        KeyError: there is none of that number.
    """
    _RUNNING.pop(number).stop()
