# SPDX-License-Identifier: Apache-2.0
"""A real HTTP proxy in front of a real server, that lies by one rule.

It shows that a check sees what the server holds rather than what the server says. The proxy runs
where the requests begin: one in this process in front of the front door, one in the runner in
front of the Service and of each replica, all on 127.0.0.1. Only one in front of a server of the
pair before an upgrade listens on the runner's own address, since clients in other pods use it too.
"""

import itertools
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler

from pydantic import JsonValue

from mlflow_conformance.doors.http import NoReply, Reply, send
from mlflow_conformance.doors.http_server import HttpServer
from mlflow_conformance.doors.operations import Operation
from mlflow_conformance.mutants.lies import lie_of
from mlflow_conformance.mutants.lies.base import Asked, Forward, Lie

_UPSTREAM_TIMEOUT_S = 60.0
_NOT_FORWARDED = frozenset(
    {"accept-encoding", "connection", "content-length", "host", "keep-alive", "transfer-encoding"}
)
# S3 signs the name that it is called by: the server must hear the one that the client used.
_NOT_FORWARDED_TO_S3 = _NOT_FORWARDED - {"host"}
_NOT_RETURNED = frozenset(
    {"connection", "content-encoding", "content-length", "date", "server", "transfer-encoding"}
)


class LyingProxy:
    """One proxy in front of one server; listens from its making until `stop`."""

    def __init__(
        self, upstream: str, lie: Lie, ca_file: str | None = None, address: str = "127.0.0.1"
    ) -> None:
        """Listen on a free port of an address of this host."""
        self.lie = lie
        self._forward = _to(upstream, ca_file)
        self._server = HttpServer(_handler(lie, self._forward), address)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    def stop(self) -> None:
        """Stop listening, and let the lie make up for what it did.

        Raises:
            NoReply: it could not.
        """
        self._server.close()
        self.lie.settle(self._forward)


def _to(upstream: str, ca_file: str | None) -> Forward:
    """What hands requests on to a server."""

    def forward(asked: Asked) -> Reply:
        return send(
            asked.method,
            upstream + asked.target,
            headers=asked.headers,
            body=asked.body or None,
            timeout_s=_UPSTREAM_TIMEOUT_S,
            ca_file=ca_file,
        )

    return forward


def _handler(lie: Lie, forward: Forward) -> type[BaseHTTPRequestHandler]:
    left_out = _NOT_FORWARDED_TO_S3 if lie.door == "s3" else _NOT_FORWARDED

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Replies of two writes would otherwise wait for each other's acknowledgement.
        disable_nagle_algorithm = True

        def answer(self) -> None:
            """Answer one request through the rule."""
            body, whole = self._body()
            if not whole and not lie.completes_what_was_cut:
                self.close_connection = True
                return
            asked = Asked(
                self.command,
                self.path,
                {k: v for k, v in self.headers.items() if k.lower() not in left_out},
                body,
            )
            try:
                reply = lie.answer(asked, forward)
            except NoReply:
                # The server did not answer, so neither does the proxy.
                self.close_connection = True
                return
            self.send_response(reply.status)
            for key, value in reply.headers.items():
                if key.lower() not in _NOT_RETURNED:
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        def _body(self) -> tuple[bytes, bool]:
            """What came of the body, and whether that is all of it."""
            body = bytearray()
            try:
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    length = int(self.headers.get("Content-Length") or 0)
                    while piece := self.rfile.read1(length - len(body)):
                        body += piece
                    return bytes(body), len(body) == length
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass  # trailers
            except (ConnectionError, ValueError):
                return bytes(body), False  # the client went away in the middle
            return bytes(body), True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """The evidence says what was sent; standard error stays quiet."""

        do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = answer  # noqa: N815

    return Handler


_RUNNING: dict[int, LyingProxy] = {}
_NUMBERS = itertools.count(1)


def start(
    upstream: str,
    rule: str,
    parameters: Mapping[str, JsonValue],
    ca_file: str | None = None,
    address: str = "127.0.0.1",
) -> tuple[int, str]:
    """Start a proxy in this process; returns its number and its URL.

    Raises:
        Unusable: the rule cannot be used.
    """
    proxy = LyingProxy(upstream, lie_of(rule, parameters), ca_file, address)
    number = next(_NUMBERS)
    _RUNNING[number] = proxy
    return number, proxy.url


def stop(number: int) -> int:
    """Stop a proxy of this process; returns how often it lied.

    Raises:
        KeyError: there is none of that number.
    """
    proxy = _RUNNING.pop(number)
    proxy.stop()
    return proxy.lie.told


def proxy_start(
    upstream: str,
    rule: str,
    parameters: dict[str, JsonValue],
    ca_file: str | None = None,
    address: str = "127.0.0.1",
) -> JsonValue:
    """The operation of a runner that starts a proxy there: its number and URL."""
    number, url = start(upstream, rule, parameters, ca_file, address)
    return {"number": number, "url": url}


def proxy_stop(number: int) -> JsonValue:
    """The operation of a runner that stops a proxy; returns how often it lied."""
    return stop(number)


OPERATIONS: dict[str, Operation] = {f.__name__: f for f in (proxy_start, proxy_stop)}
