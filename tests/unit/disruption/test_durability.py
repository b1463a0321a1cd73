# SPDX-License-Identifier: Apache-2.0
"""What keeps writes when a node loses power, read from the database and from pods."""

from typing import Any, cast

import pytest

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


def _pod(volume: dict[str, Any], *, mounted: bool = True) -> Pod:
    mounts = [{"name": "data", "mountPath": "/data"}] if mounted else []
    raw = {
        "metadata": {"name": "database"},
        "spec": {
            "containers": [{"name": "postgresql", "volumeMounts": mounts}],
            "volumes": [{"name": "data", **volume}, {"name": "tmp", "emptyDir": {}}],
        },
    }
    return Pod("database", "n", "u", None, None, "Running", True, False, 0, None, {}, raw)


CLAIM = {"persistentVolumeClaim": {"claimName": "data-0"}}


@pytest.mark.parametrize(
    ("pod", "lasts"),
    [
        (_pod(CLAIM), True),
        (_pod({"hostPath": {"path": "/data"}}), True),
        (_pod(CLAIM, mounted=False), False),
        (_pod({"emptyDir": {}}), False),
        (_pod({"ephemeral": {"volumeClaimTemplate": {}}}), False),
    ],
)
def test_a_volume_that_outlives_its_pod(pod: Pod, lasts: bool) -> None:
    assert durability.without_volume([pod]) == ([] if lasts else ["database"])
