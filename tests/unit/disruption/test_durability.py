# SPDX-License-Identifier: Apache-2.0
"""What keeps writes when a node loses power, read from the database and from pods."""

from pathlib import Path
from typing import Any, cast

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.disruption import durability
from mlflow_conformance.doors.sql import Sql

ALLOWED = {"fsync": ["on"], "synchronous_commit": ["on", "remote_apply"]}


class Database:
    """Answers every statement with the same rows."""

    def __init__(self, *rows: list[Any]) -> None:
        self.answer = list(rows)

    def rows(self, _query: str, *_parameters: object) -> list[list[Any]]:
        return self.answer


def test_settings_by_name() -> None:
    sql = cast(Sql, Database(["fsync", "on"]))
    assert durability.settings(sql, ALLOWED) == {"fsync": "on"}


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("synchronous_commit=off", True),
        ("synchronous_commit=false", True),
        ("synchronous_commit=local", True),
        ("synchronous_commit=true", False),
        ("synchronous_commit=remote_apply", False),
        ("search_path=off", False),
    ],
)
def test_a_role_that_has_another_for_itself(setting: str, told: bool) -> None:
    sql = cast(Sql, Database(["mlflow", "every database", setting]))
    said = [f"mlflow in every database: {setting}"] if told else []
    assert durability.overridden(sql, ALLOWED) == said


MOUNT = {"name": "data", "mountPath": "/data"}


def _pod(volume: dict[str, Any], *mounts: dict[str, str], **container: Any) -> Pod:
    raw = {
        "metadata": {
            "name": "database-0",
            "ownerReferences": [{"kind": "StatefulSet", "name": "database"}],
        },
        "spec": {
            "containers": [{"name": "postgresql", "volumeMounts": list(mounts), **container}],
            "volumes": [{"name": "data", **volume}, {"name": "scratch", "emptyDir": {}}],
        },
    }
    return Pod("database-0", "n", "u", None, None, "Running", True, False, 0, None, {}, raw)


CLAIM = {"persistentVolumeClaim": {"claimName": "data-0"}}
SCRATCH = {"name": "scratch", "mountPath": "/data/pgdata"}


def _folder(path: str) -> list[dict[str, str]]:
    return [{"name": "PGDATA", "value": path}]


@pytest.mark.parametrize(
    ("pod", "lasts"),
    [
        (_pod(CLAIM, MOUNT), True),
        (_pod({"hostPath": {"path": "/data"}}, MOUNT), True),
        (_pod(CLAIM), False),
        (_pod({"emptyDir": {}}, MOUNT), False),
        (_pod({"ephemeral": {"volumeClaimTemplate": {}}}, MOUNT), False),
        (_pod({"csi": {"driver": "secrets-store.csi.k8s.io"}}, MOUNT), False),
        (_pod(CLAIM, MOUNT, env=_folder("/data/pgdata")), True),
        (_pod(CLAIM, MOUNT, env=_folder("/data")), True),
        (_pod(CLAIM, MOUNT, env=_folder("/database")), False),
        (_pod(CLAIM, MOUNT, SCRATCH, env=_folder("/data/pgdata/17")), False),
        (_pod(CLAIM, MOUNT, SCRATCH, env=_folder("/data/other")), True),
        (_pod(CLAIM, MOUNT, args=["-c", "data_directory=/var/lib/pg"]), False),
        (_pod(CLAIM, MOUNT, command=["postgres", "-D", "/data/x"]), True),
        (_pod(CLAIM, MOUNT, env=[{"name": "PGDATA", "valueFrom": {}}]), True),
    ],
)
def test_a_volume_that_outlives_its_pod(pod: Pod, lasts: bool) -> None:
    assert durability.without_volume([pod]) == ([] if lasts else ["database-0"])


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (None, []),
        ({"whenDeleted": "Delete", "whenScaled": "Retain"}, []),
        ({"whenDeleted": "Retain", "whenScaled": "Delete"}, ["database"]),
    ],
)
def test_claims_that_go_with_a_pod(
    policy: dict[str, str] | None, told: list[str], tmp_path: Path
) -> None:
    spec = {"persistentVolumeClaimRetentionPolicy": policy} if policy else {}
    with ApiServer() as server:
        server.have("StatefulSet", "database", spec=spec)
        pods = [_pod(CLAIM, MOUNT), _pod(CLAIM, MOUNT)]
        assert durability.passing_claims(server.kube(tmp_path), pods) == told
