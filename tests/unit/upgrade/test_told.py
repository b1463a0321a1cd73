# SPDX-License-Identifier: Apache-2.0
"""Which pods say that they began a migration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer
from mlflow_conformance.upgrade.told import BegunMigration, MigrationLogs, told

SERVER = {"app": "mlflow"}
LINE = "2026/11/30 08:30:41 INFO mlflow.store.db.utils: Updating database tables"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as running:
        yield running


def _have(server: ApiServer, name: str, owner: str, *, restarts: int = 0) -> None:
    statuses = {
        kind: [{"name": container, "containerID": "x", "restartCount": restarts}]
        for kind, container in (("initContainerStatuses", "init"), ("containerStatuses", "main"))
    }
    metadata: dict[str, Any] = {
        "labels": SERVER,
        "ownerReferences": [{"kind": owner, "name": "o"}],
    }
    status = {"phase": "Running", "podIP": f"address of {name}", **statuses}
    server.have("Pod", name, metadata=metadata, status=status, spec={"containers": []})
    for container in ("init", "main"):
        server.logs[name, container] = "starting\n"


def test_every_container_is_listened_to(server: ApiServer, tmp_path: Path) -> None:
    _have(server, "job", "Job")
    _have(server, "server", "ReplicaSet")
    server.logs["job", "main"] = f"starting\n{LINE}\n"
    server.logs["server", "init"] = LINE
    assert told(server.kube(tmp_path), SERVER) == MigrationLogs(
        [
            BegunMigration("job", "address of job", False, LINE),
            BegunMigration("server", "address of server", True, LINE),
        ],
        [],
    )


def test_what_was_told_before_is_another_migration(server: ApiServer, tmp_path: Path) -> None:
    _have(server, "server", "ReplicaSet")
    server.logs["server", "main"] = LINE
    kube = server.kube(tmp_path)
    before = told(kube, SERVER)
    assert told(kube, SERVER).since(before).begun == []
    again = LINE.replace("08:30", "09:30")
    server.logs["server", "main"] = f"{LINE}\n{again}\n"
    assert [each.line for each in told(kube, SERVER).since(before).begun] == [again]


def test_a_log_that_cannot_be_read_is_named(server: ApiServer, tmp_path: Path) -> None:
    _have(server, "job", "Job")
    del server.logs["job", "main"]
    assert told(server.kube(tmp_path), SERVER) == MigrationLogs([], ["job/main"])


def test_the_run_before_a_restart_is_listened_to(server: ApiServer, tmp_path: Path) -> None:
    _have(server, "job", "Job", restarts=1)
    told(server.kube(tmp_path), SERVER)
    asked = [r.query.get("previous") for r in server.requests if r.path.endswith("/log")]
    assert asked == [None, "true", None, "true"]
