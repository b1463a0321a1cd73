# SPDX-License-Identifier: Apache-2.0
"""One HTTP request, one try.

Retries hide outages, and a pooled connection hides which replica answered, so every request here
opens a connection of its own and is sent once.
"""

import json as jsonlib
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import requests
from pydantic import JsonValue
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from mlflow_conformance.doors import trust

Failure = Literal["refused", "timeout", "reset", "name", "tls", "other"]


@dataclass(frozen=True)
class Reply:
    """What came back; `elapsed_s` counts from before the connection to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float

    @property
    def text(self) -> str:
        """The body as UTF-8; undecodable bytes are replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> JsonValue:
        """The body as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        value: JsonValue = jsonlib.loads(self.body)
        return value


class NoReply(Exception):  # noqa: N818 - an observation rather than a defect
    """The request got no complete reply, so whether it took effect is not known."""

    def __init__(self, failure: Failure, detail: str, elapsed_s: float) -> None:
        self.failure, self.detail, self.elapsed_s = failure, detail, elapsed_s
        super().__init__(f"{failure} after {elapsed_s:.2f} s: {detail}")


class Sender(Protocol):
    """Sends one request from somewhere: this process, or the runner pod."""

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> Reply:
        """Send once.

        Raises:
            NoReply: no complete reply came.
        """
        ...


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None,
    timeout_s: float,
    ca_file: str | None = None,
    client_file: str | None = None,
) -> Reply:
    """Send one request from this process; redirects are not followed, proxies are not used.

    Args:
        ca_file: certificate authorities; None for those of `trust`, or the system's.
        client_file: certificate and key by which this suite is known to the server, PEM.

    Raises:
        NoReply: no complete reply came within `timeout_s` for connecting, nor for each read.
    """
    started = time.monotonic()
    authority, name = trust.known(url, ca_file)
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", _Named(name))
        try:
            reply = session.request(
                method,
                url,
                headers={"Connection": "close", **headers},
                data=body,
                timeout=timeout_s,
                allow_redirects=False,
                verify=authority or True,
                cert=client_file,
            )
        except (requests.RequestException, HTTPError) as problem:
            elapsed = time.monotonic() - started
            raise NoReply(_classify(problem), _told(problem), elapsed) from problem
        elapsed = time.monotonic() - started
        if not _end_is_marked(method, reply):
            raise NoReply("reset", "the reply does not say where it ends", elapsed)
        return Reply(reply.status_code, dict(reply.headers), reply.content, elapsed)


class _Named(HTTPAdapter):
    """Expects the server's certificate to have a name, whatever the URL calls it."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        """With the name."""
        super().init_poolmanager(*arguments, **settings, assert_hostname=self._name)


def _end_is_marked(method: str, reply: requests.Response) -> bool:
    """Whether a reply that was cut short, even within its headers, would have been noticed."""
    return (
        method == "HEAD"
        or reply.status_code in (204, 304)
        or "Content-Length" in reply.headers
        or "Transfer-Encoding" in reply.headers
    )


def _told(problem: BaseException) -> str:
    """What went wrong, without urllib3's sentence about retries, of which there are none."""
    given_up = problem.args[0] if problem.args else None
    reason = getattr(given_up, "reason", None)
    return str(reason if isinstance(reason, BaseException) else problem)


def _classify(problem: BaseException) -> Failure:
    seen: BaseException | None = problem
    kind: Failure = "other"
    for _ in range(8):
        if seen is None:
            break
        match seen:
            case requests.exceptions.SSLError():
                return "tls"
            case requests.Timeout() | TimeoutError():
                return "timeout"
            case ConnectionRefusedError():
                return "refused"
            case (
                ConnectionResetError()
                | BrokenPipeError()
                | requests.exceptions.ChunkedEncodingError()
            ):
                kind = "reset"
            case socket.gaierror():
                return "name"
        if "RemoteDisconnected" in type(seen).__name__ or "ProtocolError" in type(seen).__name__:
            kind = "reset"
        reason = getattr(seen, "reason", None)
        inner = reason if isinstance(reason, BaseException) else None
        args = [a for a in seen.args if isinstance(a, BaseException)]
        seen = inner or seen.__cause__ or (args[0] if args else None) or seen.__context__
    return kind
