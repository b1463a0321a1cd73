# SPDX-License-Identifier: Apache-2.0
"""The proxy over real sockets, in front of a small HTTP server that echoes."""

import json
import socket
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import requests

from mlflow_conformance.doors.http import NoReply, send
from mlflow_conformance.doors.http_server import HttpServer
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.receiver import Receiver
from mlflow_conformance.doors.upload import Upload, content
from mlflow_conformance.mutants import lying_proxy
from mlflow_conformance.mutants.in_front import in_front_of
from mlflow_conformance.mutants.mutant import ProxyRule
from mlflow_conformance.run.agent import OPERATIONS
from mlflow_conformance.target.local import local_target

_NEVER = {"method": "TRACE"}


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Say what came."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/silent":
            self.close_connection = True
            return
        said = json.dumps(
            {"method": self.command, "path": self.path, "size": len(body),
             "token": self.headers.get("X-Token"), "host": self.headers.get("Host")}
        ).encode()  # fmt: skip
        self.send_response(201)
        self.send_header("Content-Length", str(len(said)))
        self.send_header("X-Said", "yes")
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815


@pytest.fixture
def echo() -> Iterator[str]:
    """The URL of a server that echoes."""
    with HttpServer(_Echo) as server:
        yield server.url


@pytest.fixture
def honest(echo: str) -> Iterator[str]:
    """The URL of a proxy in front of it that never lies."""
    number, url = lying_proxy.start(echo, "drop", _NEVER)
    yield url
    assert lying_proxy.stop(number) == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE"])
def test_what_passes_is_what_came(honest: str, echo: str, method: str) -> None:
    reply = send(
        method, f"{honest}/a%2Fb?q=%C3%BC", headers={"X-Token": "t"}, body=b"x" * 100_000,
        timeout_s=5,
    )  # fmt: skip
    assert (reply.status, reply.headers["X-Said"]) == (201, "yes")
    assert reply.json() == {
        "method": method, "path": "/a%2Fb?q=%C3%BC", "size": 100_000, "token": "t",
        "host": echo.removeprefix("http://"),
    }  # fmt: skip


def test_a_body_in_chunks_arrives_whole(honest: str) -> None:
    reply = requests.put(f"{honest}/x", data=iter([b"abc", b"", b"defg"]), timeout=5)
    assert reply.json()["size"] == 7


def test_a_server_that_does_not_answer_is_not_covered_up(honest: str) -> None:
    with pytest.raises(NoReply):
        send("GET", f"{honest}/silent", headers={}, body=None, timeout_s=5)


def test_one_connection_serves_several_requests(honest: str) -> None:
    with requests.Session() as session:
        for n in range(5):
            assert session.post(f"{honest}/{n}", data=b"x" * n, timeout=5).json()["size"] == n


def test_the_lie_stands_in_front_of_every_door(echo: str) -> None:
    target = local_target([echo, echo], LocalInside(OPERATIONS))
    with in_front_of(target, ProxyRule(rule="drop", parameters={"body": {"lie": True}})) as lied:
        assert lied.front is not None
        assert lied.front.url != echo
        assert lied.service_url != echo
        assert all(url != echo for url in lied.replica_urls())
        for api in (lied.front.api(), lied.api(), lied.api(lied.replica_urls()[1])):
            assert api.post("runs/create").json() == {"lie": True}
        closed = lied.front.url
    with pytest.raises(NoReply):
        send("GET", closed, headers={}, body=None, timeout_s=5)


def test_a_lie_about_the_bucket_stands_in_front_of_the_bucket_alone(echo: str) -> None:
    door = {
        "endpoint": echo, "region": "r", "bucket": "b", "access_key": "a", "secret_key": "s3cr3t",
    }  # fmt: skip
    target = local_target([echo], LocalInside(OPERATIONS), s3_door=door)
    rule = ProxyRule(rule="strip", parameters={"door": "s3", "header": "x-said"})
    with in_front_of(target, rule) as lied:
        assert lied.front == target.front
        endpoint = lied.need_bucket().door["endpoint"]
        reply = send("GET", f"{endpoint}/b", headers={}, body=None, timeout_s=5)
        assert "X-Said" not in reply.headers
        # S3 signs the host: the server hears the one that the client called.
        assert reply.json()["host"] == endpoint.removeprefix("http://")  # type: ignore[index,call-overload]


def _upload(url: str, **how: Any) -> int | None:
    return Upload(url=f"{url}/x", headers={}, seed="s", length=1000, **how).send()


@pytest.mark.parametrize("rule", ["drop", "complete-cut"])
def test_a_body_that_was_cut_is_forwarded_by_one_lie_alone(rule: str) -> None:
    receiver = Receiver(0, "", 0)
    number, url = lying_proxy.start(
        f"http://127.0.0.1:{receiver.port}", rule, _NEVER if rule == "drop" else {}
    )
    try:
        # The whole one has a reply, which comes after what was cut was done with.
        post = partial(send, "POST", headers={}, timeout_s=5)
        with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1]))) as client:
            client.sendall(b"POST /cut HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
            client.shutdown(socket.SHUT_WR)
            client.recv(1 << 16)
        assert post(f"{url}/whole", body=b"whole").status == 200
    finally:
        lying_proxy.stop(number)
        receiver.stop()
    assert ("/cut" in [p["path"] for p in receiver.posts()]) is (rule == "complete-cut")


def test_an_upload_can_be_whole_slow_or_cut(echo: str) -> None:
    assert _upload(echo, sent=1000) == 201
    assert _upload(echo, sent=1000, seconds=0.1) == 201
    assert _upload(echo, sent=500, ending="close") is None
    assert _upload(echo, sent=500, ending="reset") is None
    assert _upload("http://127.0.0.1:9", sent=500) is None
    assert content("s", 1000) == content("s", 1000) != content("t", 1000)


def test_a_proxy_that_stops_hands_on_what_it_kept_back() -> None:
    receiver = Receiver(0, "", 0)
    try:
        number, url = lying_proxy.start(
            f"http://127.0.0.1:{receiver.port}", "postpone", {"method": "POST"}
        )
        assert send("POST", f"{url}/hook", headers={}, body=b"{}", timeout_s=5).status == 204
        assert receiver.posts() == []
        assert lying_proxy.stop(number) == 1
        assert [post["path"] for post in receiver.posts()] == ["/hook"]
    finally:
        receiver.stop()
