# SPDX-License-Identifier: Apache-2.0
"""Writers around a backup: what they send, and that a defect of theirs is told."""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.backup_restore.writers import BackupWriters
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.ledger.log import Ledger, read


class _Server:
    """Takes everything, and knows the runs that it made and those that it was asked about."""

    def __init__(self, on_beat: Callable[[], None] = lambda: None) -> None:
        self.on_beat = on_beat
        self.lock = threading.Lock()
        self.made: list[str] = []
        self.beaten: list[Any] = []

    def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None,
        timeout_s: float,
    ) -> Reply:  # fmt: skip
        with self.lock:
            if url.endswith("runs/create"):
                self.made.append(f"run-{len(self.made)}")
                info = {"run_id": self.made[-1], "artifact_uri": "mlflow-artifacts:/1/r/artifacts"}
                return Reply(200, {}, json.dumps({"run": {"info": info}}).encode(), 0)
            self.beaten.append(json.loads(body or b"{}")["run_id"])
        self.on_beat()
        return Reply(200, {}, b"{}", 0)


def _write(path: Path, server: _Server) -> None:
    api = MlflowApi("http://x", server, {})
    with Ledger(path, sync=False) as ledger, BackupWriters(api, ledger, "1", 2).going() as writers:
        writers.more(3, Waiter())


def test_each_writer_beats_in_a_run_of_its_own(tmp_path: Path) -> None:
    server = _Server()
    _write(tmp_path / "l", server)
    assert set(server.beaten) == {"run-0", "run-1"}
    operations = read(tmp_path / "l")
    assert {o.client for o in operations} == {"writer 0", "writer 1"}
    assert all(o.acknowledged for o in operations)


def test_a_defect_of_a_writer_is_no_silence(tmp_path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        _write(tmp_path / "l", _Server(broken))
