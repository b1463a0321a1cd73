# SPDX-License-Identifier: Apache-2.0
"""A checkout of its own for tests of the plugin and the command, and a server that says hello."""

import gc
import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import settings

import real_mlflow as mlflow_process
from mlflow_conformance.config import assets
from mlflow_conformance.doors.http_server import HttpServer

# On a busy machine an example takes as long as it takes; that is no defect.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# A shell starts what it puts in the background with SIGINT ignored, and nohup with SIGHUP; so are
# those of the children that tests send them to.
for _number, _default in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _default)


# What is loaded for the tests stays: see below.
gc.disable()


def pytest_collection_finish() -> None:
    """Spare the collector what stays for good.

    Each run of the gate inside of a test ends as every run of Pytest does, with several full
    collections; together they took more time than what the tests are about. See `checkout` too.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


FILES = {
    "profiles/k3d.yaml": """
        schema: 1
        name: k3d
        names:
          namespace: mlflow
          mlflow: {deployment: mlflow, service: mlflow, selector: {app: mlflow}}
          runner: {image: "runner:1"}
        checks:
          AAA-2: {promise: Two is two, thresholds: {most: 2}}
          AAA-1: {promise: One is one}
          AAA-9: {promise: Nine disturbs}
          AAA-3: {promise: Three takes longer, tier: thorough}
        """,
    "suites/tracking/test_numbers.py": """
        from mlflow_conformance.evidence.case import check

        @check("AAA-1", impact="i", remedy="r")
        def test_one(evidence):
            '''One is one.'''
            evidence.expect("one", "one", 1, "==", 1)

        @check("AAA-2", impact="i", remedy="r")
        def test_two(evidence):
            '''Two is two.'''
            evidence.expect("two", "two", 2, "<=", evidence.thresholds["most"])

        @check("AAA-3", impact="i", remedy="r")
        def test_three(evidence):
            '''Three is three.'''
            evidence.expect("three", "three", 3, "==", 3)

        @check("AAA-9", impact="i", remedy="r", disruptive=True)
        def test_nine(evidence):
            '''Nine is nine.'''
            evidence.expect("nine", "nine", 9, "==", 9)
        """,
    "suites/registry/.keep": "",
    "suites/artifacts/.keep": "",
    "mutants/tracking/two-is-three/mutant.yaml": """
        breaks: two is three
        kills: [AAA-2]
        because: two
        by: {proxy: {rule: lie}}
        """,
}


@pytest.fixture
def checkout(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with suites, a profile and a mutant that this program takes for its own."""
    gc.freeze()  # what was loaded since is there for the next run as well
    root = tmp_path_factory.mktemp("checkout")
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(dedent(content))
    monkeypatch.setattr(assets, "root", lambda: root)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return root


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a server that answers every GET with OK."""
    with HttpServer(_Hello) as http:
        yield http.url


@pytest.fixture(scope="session")
def real_mlflow() -> Iterator[mlflow_process.RealMlflow]:
    """The MLflow of this suite, in a process of its own."""
    with mlflow_process.started() as process:
        yield process
