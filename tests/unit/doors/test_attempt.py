# SPDX-License-Identifier: Apache-2.0
"""Attempts against sockets of this machine."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from mlflow_conformance.doors import attempt as script
from mlflow_conformance.doors.attempt import attempt


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server


def _answering(server: socket.socket, answer: bytes) -> None:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(100)
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()


def test_open(listener: socket.socket) -> None:
    assert attempt("127.0.0.1", listener.getsockname()[1], 1)["outcome"] == "open"


def test_open_and_answered(listener: socket.socket) -> None:
    _answering(listener, b"H")
    assert attempt("127.0.0.1", listener.getsockname()[1], 1, "hello")["outcome"] == "open"


def test_open_and_closed_without_an_answer_is_silent(listener: socket.socket) -> None:
    _answering(listener, b"")
    assert attempt("127.0.0.1", listener.getsockname()[1], 1, "hello")["outcome"] == "silent"


def test_open_and_no_answer_in_time_is_silent(listener: socket.socket) -> None:
    seen = attempt("127.0.0.1", listener.getsockname()[1], 0.1, "hello")
    assert seen["outcome"] == "silent"
    assert seen["elapsed_s"] >= 0.1


def test_refused() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    assert attempt("127.0.0.1", port, 1)["outcome"] == "refused"


def test_timeout() -> None:
    """A listener whose queue is full drops what comes, as a policy does."""
    with ExitStack() as stack:
        server = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0), backlog=0)))
        port = server.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(closing(socket.socket()))
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        seen = attempt("127.0.0.1", port, 0.2)
    assert seen["outcome"] == "timeout"
    assert seen["elapsed_s"] >= 0.2


def test_name() -> None:
    assert attempt("no-such-name.invalid", 80, 1)["outcome"] == "name"


def test_source_runs_alone(listener: socket.socket) -> None:
    """What is sent into a pod needs nothing but Python."""
    wanted = [{"host": "127.0.0.1", "port": listener.getsockname()[1], "timeout_s": 1}] * 2
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", Path(script.__file__).read_text()],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [reply["outcome"] for reply in json.loads(done.stdout)] == ["open", "open"]


def test_a_watcher_tries_from_its_first_instruction(listener: socket.socket) -> None:
    wanted = [{"host": "127.0.0.1", "port": listener.getsockname()[1], "timeout_s": 1}]
    source = Path(script.__file__).read_text()
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", source, json.dumps(wanted), "0.2"],
        stdout=subprocess.PIPE,
        text=True,
    ) as watcher:
        assert watcher.stdout is not None
        lines = list(iter(watcher.stdout.readline, "done\n"))
        watcher.kill()
    assert lines
    assert {reply["outcome"] for line in lines for reply in json.loads(line)} == {"open"}
