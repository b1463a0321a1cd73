# SPDX-License-Identifier: Apache-2.0
"""A real HTTP server on a thread of its own, which a client that goes away does not disturb."""

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mlflow_conformance.core.closing import Closing

_TURN_S = 0.02
"""Closing waits for the end of one turn of the loop."""


class _Server(ThreadingHTTPServer):
    def __init__(
        self, host: str, port: int, handler: type[BaseHTTPRequestHandler], family: int
    ) -> None:
        self.address_family = family
        super().__init__((host, port), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong, unless it is that the client is gone: it knows that itself."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class HttpServer(Closing):
    """Listens from its making until `close`, and treats each connection on one more thread."""

    def __init__(
        self,
        handler: type[BaseHTTPRequestHandler],
        host: str = "127.0.0.1",
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,
    ) -> None:
        """Listen.

        Args:
            host: an address of this machine; empty for all of them.
            port: 0 for any that is free.
            family: of the address.

        Raises:
            OSError: the port is taken, or the address is not this machine's.
        """
        self._server = _Server(host, port, handler, family)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_TURN_S,), daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The same with the scheme and the address."""
        host = str(self._server.server_address[0])
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def close(self) -> None:
        """Listen no more; what was begun may still be answered."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
