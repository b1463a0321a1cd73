# SPDX-License-Identifier: Apache-2.0
"""One request, one try, under gevent.

geventhttpclient, and with it Locust's FastHttpUser, sends an idempotent request again when the
connection was closed on it, as often as its pool is large, and ``max_retries=0`` does not stop that
(2.6.1, HTTPClient.request). Such a retry hides the outage that is to be measured, so requests go
over its pool and its parser, and never twice.

Only Locust's process imports this module; see `mlflow_conformance.load.engine`.
"""

import ssl
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

import gevent
from gevent import socket
from geventhttpclient.connectionpool import ConnectionPool, SSLConnectionPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse

from mlflow_conformance.load.operations import LoadRequest
from mlflow_conformance.load.records import Failure
from mlflow_conformance.load.workload import Connection


class _TooLong(BaseException):
    # Not an Exception: what handles errors on the way must not take it for one of its own.
    pass


class _LastReply(HTTPSocketPoolResponse):
    # A server need not repeat "Connection: close" in its reply, and the pool would keep the
    # connection for the next request, which then meets its end.
    def should_close(self) -> bool:
        return True


def _options(ca_file: str | None, client_file: str | None) -> dict[str, str]:
    options = {"ca_certs": ca_file, "certfile": client_file, "keyfile": client_file}
    return {name: path for name, path in options.items() if path}


class Wire:
    """The way to one server.

    Args:
        url: scheme, host and port.
        timeout_s: for the whole request, from looking up the name to the last byte.
        size: connections at once.
        ca_file: certificate authorities, or None for the system's.
        client_file: certificate and key of this client, or None.
        headers: sent with every request.
    """

    def __init__(
        self,
        url: str,
        *,
        connection: Connection,
        timeout_s: float,
        size: int,
        ca_file: str | None,
        client_file: str | None = None,
        headers: Mapping[str, str],
    ) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        # The deadline over all of it is `timeout_s`; the pool's own must only not come first.
        self._timeout_s = timeout_s
        self._reply = _LastReply if connection == "close" else HTTPSocketPoolResponse
        kind: Callable[..., ConnectionPool] = (
            partial(SSLConnectionPool, ssl_options=_options(ca_file, client_file))
            if secure
            else ConnectionPool
        )
        self._pool = kind(
            host, port, host, port,
            size=size, connection_timeout=timeout_s, network_timeout=timeout_s,
        )  # fmt: skip
        fixed = {
            "Host": parts.netloc.rpartition("@")[2],
            "User-Agent": "mlflow-conformance",
            "Accept": "*/*",
            "Connection": connection,
            **headers,
        }
        self._head = "".join(f"{name}: {value}\r\n" for name, value in fixed.items())

    def send(self, request: LoadRequest) -> tuple[int, Failure]:
        """Send once; returns the status (0 without a complete reply) and why it failed, or ""."""
        try:
            with gevent.Timeout(self._timeout_s, _TooLong):
                status, body = self._exchange(request)
        except _TooLong:
            return 0, "timeout"
        except (OSError, HTTPParseError) as problem:
            return 0, _classify(problem)
        if not 200 <= status < 300:
            return status, "status"
        return status, "" if request.expected in body else "body"

    def _exchange(self, request: LoadRequest) -> tuple[int, bytes]:
        body = request.body or b""
        length = (
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        )
        head = f"{request.method} {request.path} HTTP/1.1\r\n{self._head}{length}\r\n"
        sock = self._pool.get_socket()
        try:
            sock.sendall(head.encode("latin-1") + body)
        except BaseException:
            self._pool.release_socket(sock)
            raise
        # From here the response owns the connection, and gives it back or closes it.
        reply = self._reply(sock, self._pool, method=request.method)
        try:
            content = reply.read()
        finally:
            reply.release()
        if not reply.message_complete:
            raise HTTPConnectionClosed("the connection was closed before the end of the reply")
        return reply.get_code(), content

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.close()


_FAILURES: tuple[tuple[type[BaseException], Failure], ...] = (
    # The first that fits: several are kinds of others that a later line names.
    (ssl.SSLError, "tls"),
    (socket.gaierror, "name"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (ConnectionResetError, "reset"),
    (BrokenPipeError, "reset"),
    (HTTPParseError, "reset"),
)


def _classify(problem: Exception) -> Failure:
    return next((name for kind, name in _FAILURES if isinstance(problem, kind)), "other")
