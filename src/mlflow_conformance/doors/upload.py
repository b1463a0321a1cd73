# SPDX-License-Identifier: Apache-2.0
"""An upload that can be slow, or end before it is whole, as no HTTP library would send it."""

import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import shake_256
from http.client import HTTPException, HTTPResponse
from math import ceil
from threading import Event
from typing import Literal
from urllib.parse import urlsplit

from mlflow_conformance.doors import trust

Ending = Literal["reply", "close", "reset"]
"""After the last byte: wait for the reply, end the connection properly, or break it off."""

_PIECE = 1 << 16
_RESET = struct.pack("ii", 1, 0)


def content(seed: str, length: int) -> bytes:
    """So many bytes that follow from a seed."""
    return shake_256(seed.encode()).digest(length)


@dataclass(frozen=True)
class Upload:
    """One PUT.

    Attributes:
        length: of the whole body, bytes; see `content`.
        sent: so many bytes of it are sent.
        seconds: the sending is spread over so long, with a piece a second at least.
        chunked: the length is not announced, and only a whole body has an end.
    """

    url: str
    headers: Mapping[str, str]
    seed: str
    length: int
    sent: int
    ending: Ending = "reply"
    seconds: float = 0
    chunked: bool = False
    timeout_s: float = 60
    ca_file: str | None = None
    client_file: str | None = None

    def send(self, stopped: Event | None = None) -> int | None:
        """Send it once: the status of the reply, or None when none was waited for or came.

        Args:
            stopped: goes away in the middle as soon as it is set.
        """
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            with (
                socket.create_connection((parts.hostname, port), self.timeout_s) as plain,
                self._secured(plain) as connection,
            ):
                return self._converse(connection, stopped or Event())
        except (OSError, HTTPException):
            return None  # whether it took effect is what the one who asked will look at

    def _secured(self, plain: socket.socket) -> socket.socket:
        if not self.url.startswith("https:"):
            return plain
        context, name = trust.context(self.url, self.ca_file, self.client_file)
        return context.wrap_socket(plain, server_hostname=name)

    def _converse(self, connection: socket.socket, stopped: Event) -> int | None:
        parts = urlsplit(self.url)
        framing = "Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {self.length}"
        lines = [
            f"PUT {parts.path} HTTP/1.1", f"Host: {parts.netloc}", framing, "Connection: close",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]  # fmt: skip
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        self._send_body(connection, content(self.seed, self.length)[: self.sent], stopped)
        if stopped.is_set():
            return None
        if self.ending == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if self.ending != "reply":
            return None
        if self.chunked:
            connection.sendall(b"0\r\n\r\n")
        reply = HTTPResponse(connection, method="PUT")
        reply.begin()
        reply.read()
        return reply.status

    def _send_body(self, connection: socket.socket, body: bytes, stopped: Event) -> None:
        started = time.monotonic()
        size = min(_PIECE, ceil(len(body) / self.seconds)) if self.seconds > 0 else _PIECE
        for start in range(0, len(body), max(1, size)):
            due = started + self.seconds * start / len(body)
            if stopped.wait(max(0.0, due - time.monotonic())):
                return
            piece = body[start : start + size]
            if self.chunked:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            connection.sendall(piece)
