# SPDX-License-Identifier: Apache-2.0
"""A command loads what it needs: what only says what there is, nothing that a run needs."""

import json
import subprocess
import sys

import pytest

HEAVY = {"boto3", "jinja2", "kubernetes", "locust", "mlflow", "psycopg", "pytest", "requests"}
SELDOM = {
    "boto3",
    "cryptography",
    "jsonschema",
    "kubernetes",
    "locust",
    "mlflow",
    "psycopg",
    "zxcvbn",
}
"""What some runs need, and load when they do."""
PROGRAM = """
import contextlib, io, json, sys
from mlflow_conformance.cli.command import app

loaded = {}
for command in ("version", "checks", "--help"):
    with contextlib.redirect_stdout(io.StringIO()):
        app([command], standalone_mode=False)
    loaded[command] = sorted(sys.modules)
import mlflow_conformance.run.checking
import mlflow_conformance.run.plugin
loaded["a run"] = sorted(sys.modules)
print(json.dumps(loaded))
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """The modules that are loaded after each command, and before a run, in this order."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    return {command: set(modules) for command, modules in json.loads(done.stdout).items()}


@pytest.mark.parametrize("command", ["version", "checks", "--help"])
def test_nothing_heavy_is_loaded_to_say_what_there_is(
    loaded: dict[str, set[str]], command: str
) -> None:
    assert HEAVY & loaded[command] == set()


def test_a_run_loads_what_few_runs_need_when_it_needs_it(loaded: dict[str, set[str]]) -> None:
    assert SELDOM & loaded["a run"] == set()
