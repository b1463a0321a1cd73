# SPDX-License-Identifier: Apache-2.0
"""Processes that serve, told from those that only stand around them."""

import pytest

from mlflow_conformance.operations.serving import serving

SERVER = ["python", "/opt/venv/bin/mlflow", "server", "--uvicorn-opts=--log-config /etc/c.json"]
UVICORN = ["python", "-m", "uvicorn", "--workers", "2", "mlflow.server.fastapi_app:app"]
TRACKER = ["python", "-c", "from multiprocessing.resource_tracker import main;main(4)"]
WORKER = ["python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5)",
          "--multiprocessing-fork"]  # fmt: skip


@pytest.mark.parametrize(
    ("processes", "count"),
    [
        ([SERVER, UVICORN], 1),
        ([SERVER, UVICORN, TRACKER, WORKER, WORKER], 2),
        ([SERVER], 0),
        ([["sleep", "infinity"]], 0),
    ],
)
def test_serving_processes_are_counted(processes: list[list[str]], count: int) -> None:
    assert serving(processes) == count
