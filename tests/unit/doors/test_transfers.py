# SPDX-License-Identifier: Apache-2.0
"""Uploads and downloads at a pace of their own, against a real server on this machine."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler

import pytest

from mlflow_conformance.doors.download import Download, Downloaded
from mlflow_conformance.doors.http_server import HttpServer
from mlflow_conformance.doors.upload import Upload, content

_LENGTH = 1_000_000


@dataclass
class Shelf:
    """A server that keeps what is put, and gives it back; `cut` ends every download early."""

    url: str = ""
    kept: dict[str, bytes] = field(default_factory=dict)
    cut: bool = False


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """One that listens."""
    made = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if len(body) == int(self.headers["Content-Length"]):
                made.kept[self.path] = body
            self._answer(b"")

        def do_GET(self) -> None:
            self._answer(made.kept[self.path])

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if made.cut else body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    with HttpServer(Handler) as server:
        made.url = server.url
        yield made


def _upload(shelf: Shelf, seconds: float) -> Upload:
    return Upload(f"{shelf.url}/a", {}, "seed", _LENGTH, _LENGTH, seconds=seconds)


def _download(shelf: Shelf, seconds: float) -> Download:
    shelf.kept["/b"] = content("other", _LENGTH)
    return Download(f"{shelf.url}/b", {}, _LENGTH, seconds)


def test_a_slow_upload_takes_its_time_and_comes_whole(shelf: Shelf) -> None:
    began = time.monotonic()
    assert _upload(shelf, 0.5).send() == 200
    assert time.monotonic() - began >= 0.4
    assert shelf.kept["/a"] == content("seed", _LENGTH)


def test_a_slow_download_takes_its_time_and_comes_whole(shelf: Shelf) -> None:
    began = time.monotonic()
    seen = _download(shelf, 0.5).receive(threading.Event())
    assert time.monotonic() - began >= 0.5
    assert seen == Downloaded(200, sha256(content("other", _LENGTH)).hexdigest(), _LENGTH)


def test_a_download_that_ends_early_is_not_whole(shelf: Shelf) -> None:
    shelf.cut = True
    seen = _download(shelf, 0).receive(threading.Event())
    assert (seen.status, seen.sha256) == (200, None)
    assert seen.length < _LENGTH


def test_nobody_answers() -> None:
    assert Download("http://127.0.0.1:1/b", {}, 1, 0).receive(threading.Event()) == Downloaded(
        None, None, 0
    )


def test_both_stop_at_once(shelf: Shelf) -> None:
    stopped = threading.Event()
    stopped.set()
    began = time.monotonic()
    assert _upload(shelf, 60).send(stopped) is None
    assert _download(shelf, 60).receive(stopped).sha256 is None
    assert time.monotonic() - began < 10
    assert "/a" not in shelf.kept
