# SPDX-License-Identifier: Apache-2.0
"""Request IDs of the deployments, with uvicorn itself and the log configuration that is shipped."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.config.assets import asset

# Answers in a thread, as MLflow does, and logs there.
APPLICATION = """
import asyncio, logging

def work():
    logging.getLogger("mlflow").warning("working")

async def app(scope, receive, send):
    if scope["type"] == "http":
        await asyncio.to_thread(work)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})
"""


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """The address of a uvicorn with the configuration of the EKS deployment, and its output."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "served.py").write_text(APPLICATION)
    logging = asset("deployment/k3d/mlflow/files/logging")
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--port=0", f"--workers={request.param}",
             f"--log-config={asset('deployment/eks/base/uvicorn-logging.json')}", "served:app"],
            cwd=folder, env={**os.environ, "PYTHONPATH": f"{logging}:{folder}"},
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield _address(log, process), log
    finally:
        process.terminate()
        process.wait()


def _address(log: Path, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for line in _lines(log):
            if "Uvicorn running on" in line["message"]:
                return str(line["message"].split()[3])
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]


def _ask(address: str, request_id: str | None) -> str:
    headers = {} if request_id is None else {"X-Request-Id": request_id}
    request = urllib.request.Request(f"{address}/x?secret=1", headers=headers)
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return str(reply.headers["X-Request-Id"])
        except OSError:  # the workers of a supervisor listen a moment after it says so
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_all_lines_of_a_request_and_its_answer_have_one_id(server: tuple[str, Path]) -> None:
    address, log = server
    made = _ask(address, None)
    given = _ask(address, "of-the-caller.7")
    assert given == "of-the-caller.7"
    for request_id in (made, given):
        about = [line for line in _lines(log) if line.get("request_id") == request_id]
        assert {line["message"] for line in about} == {"working", "request"}
    assert made != given


@pytest.mark.parametrize("strange", ['x", "level": "', "a" * 65, "ü", ""])
def test_an_id_that_could_forge_a_line_is_replaced(server: tuple[str, Path], strange: str) -> None:
    assert _ask(server[0], strange.encode().decode("latin-1")) != strange


def test_what_belongs_to_no_request_has_no_id(server: tuple[str, Path]) -> None:
    started = [line for line in _lines(server[1]) if "request_id" not in line]
    assert any("Started" in line["message"] for line in started)
