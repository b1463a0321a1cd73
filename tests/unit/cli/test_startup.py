# SPDX-License-Identifier: Apache-2.0
"""What only says what there is, answers at once: it loads nothing that a run needs."""

import json
import subprocess
import sys

HEAVY = {"boto3", "jinja2", "kubernetes", "locust", "mlflow", "psycopg", "pytest", "requests"}
PROGRAM = """
import contextlib, io, json, sys
from mlflow_conformance.cli.command import app

loaded = {}
for command in ("version", "checks", "--help"):
    with contextlib.redirect_stdout(io.StringIO()):
        app([command], standalone_mode=False)
    loaded[command] = sorted(sys.modules)
print(json.dumps(loaded))
"""


def test_nothing_heavy_is_loaded_to_say_what_there_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    for command, modules in json.loads(done.stdout).items():
        assert HEAVY & set(modules) == set(), command
