# SPDX-License-Identifier: Apache-2.0
"""A download that is read slowly, as no HTTP library would read it."""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from threading import Event
from urllib.parse import urlsplit

from mlflow_conformance.doors import trust

_PIECE = 1 << 16
_BUFFER = 1 << 16  # what comes early must wait at the server, not here


@dataclass(frozen=True)
class Downloaded:
    """What came of a download.

    Attributes:
        status: None when no reply came.
        sha256: of the whole body; None when it did not come whole.
        length: bytes of the body that came.
    """

    status: int | None
    sha256: str | None
    length: int


@dataclass(frozen=True)
class Download:
    """One GET.

    Attributes:
        length: of the whole body as far as is known, bytes; it sets the pace.
        seconds: the reading is spread over so long.
        timeout_s: for connecting, and for each read.
    """

    url: str
    headers: Mapping[str, str]
    length: int
    seconds: float
    timeout_s: float = 60
    ca_file: str | None = None
    client_file: str | None = None

    def receive(self, stopped: Event) -> Downloaded:
        """Ask once, and read what comes; goes away as soon as `stopped` is set."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            with socket.create_connection((parts.hostname, port), self.timeout_s) as plain:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
                with self._secured(plain) as connection:
                    return self._read(connection, stopped)
        except (OSError, HTTPException):
            return Downloaded(None, None, 0)

    def _secured(self, plain: socket.socket) -> socket.socket:
        if not self.url.startswith("https:"):
            return plain
        context, name = trust.context(self.url, self.ca_file, self.client_file)
        return context.wrap_socket(plain, server_hostname=name)

    def _read(self, connection: socket.socket, stopped: Event) -> Downloaded:
        parts = urlsplit(self.url)
        lines = [
            f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]  # fmt: skip
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        reply = HTTPResponse(connection, method="GET")
        reply.begin()
        digest, length, started = sha256(), 0, time.monotonic()
        try:
            while piece := reply.read(_PIECE):
                digest.update(piece)
                length += len(piece)
                due = started + self.seconds * length / self.length
                if stopped.wait(max(0.0, due - time.monotonic())):
                    break
        except (OSError, HTTPException):
            return Downloaded(reply.status, None, length)
        whole = length == self.length and not stopped.is_set()
        return Downloaded(reply.status, digest.hexdigest() if whole else None, length)
