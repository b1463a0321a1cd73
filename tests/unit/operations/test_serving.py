# SPDX-License-Identifier: Apache-2.0
"""Processes that serve, told from those that only stand around them."""

from typing import Any

import pytest

from mlflow_conformance.operations.serving import serving, with_workers

SERVER = ["python", "/opt/venv/bin/mlflow", "server", "--uvicorn-opts=--log-config /etc/c.json"]
UVICORN = ["python", "-m", "uvicorn", "--workers", "2", "mlflow.server.fastapi_app:app"]
TRACKER = ["python", "-c", "from multiprocessing.resource_tracker import main;main(4)"]
WORKER = ["python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5)",
          "--multiprocessing-fork"]  # fmt: skip
GUNICORN = ["python", "-m", "gunicorn", "-b", "0.0.0.0:5000", "-w", "2", "mlflow.server:app"]
TITLED_SERVER = ["python", "/opt/venv/bin/mlflow", "server", "--gunicorn-opts=--timeout 60"]
TITLED = [["gunicorn: worker [mlflow.server:app]"]] * 2


@pytest.mark.parametrize(
    ("processes", "count"),
    [
        ([SERVER, UVICORN], 1),
        ([SERVER, UVICORN, TRACKER, WORKER, WORKER], 2),
        ([SERVER], 0),
        ([["sleep", "infinity"]], 0),
        ([SERVER, GUNICORN, GUNICORN, GUNICORN], 2),
        ([TITLED_SERVER, ["gunicorn: master [mlflow.server:app]"], *TITLED], 2),
    ],
)
def test_serving_processes_are_counted(processes: list[list[str]], count: int) -> None:
    assert serving(processes) == count


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"args": ["server", "--workers=1"]}, {"args": ["server", "--workers=4"]}),
        ({"command": ["mlflow", "--workers", "1"]}, {"command": ["mlflow", "--workers", "4"]}),
        ({"args": ["-w", "1", "1"]}, {"args": ["-w", "4", "1"]}),
        ({"args": ["-w1"]}, {"args": ["-w4"]}),
        (
            {"command": ["sh", "-c", "exec mlflow server --workers 12 --port=5000"]},
            {"command": ["sh", "-c", "exec mlflow server --workers 4 --port=5000"]},
        ),
        ({"command": ["mlflow", "-w"], "args": ["1"]}, {"args": ["4"]}),
        ({"args": ["--workers=$(WORKERS)"]}, {"args": ["--workers=4"]}),
        ({"args": ["--workers", "$(WORKERS)"]}, {"args": ["--workers", "4"]}),
        (
            {"command": ["sh", "-c"], "args": ['exec mlflow server --workers "${WORKERS}" -h x']},
            {"args": ["exec mlflow server --workers 4 -h x"]},
        ),
        ({"args": ["mlflow server -w $WORKERS"]}, {"args": ["mlflow server -w 4"]}),
        ({"command": ["mlflow"], "args": ["--port=5000", "--my-workers=1", "x-w1"]}, {}),
        ({}, {}),
    ],
)
def test_workers_are_set_where_they_are_set(
    container: dict[str, Any], words: dict[str, list[str]]
) -> None:
    assert with_workers(container, 4) == words
