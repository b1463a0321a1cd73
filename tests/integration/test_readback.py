# SPDX-License-Identifier: Apache-2.0
"""Acknowledged writes read back from real processes: MLflow, its PostgreSQL and its MinIO."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import JsonValue

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import send
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.mlflow import MlflowApi, answer
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.log import Ledger, read
from mlflow_conformance.ledger.readback import read_back
from mlflow_conformance.ledger.writers import KINDS, Pace, Writers, remove_model
from mlflow_conformance.ledger.writes_kept import WritesKept, wrong_with
from mlflow_conformance.mutants import lying_proxy
from processes import minio_binary, open_folder, stand

PACE = Pace(writers=1, batch=5, every_s=0.2, artifacts_every_s=0.2, others_every_s=0.2)


@dataclass(frozen=True)
class Written:
    """What was written through a server, and the doors to read it back by."""

    url: str
    operations: Sequence[Operation]
    writers: Writers
    sql: Sql
    bucket: Bucket

    def read(self, url: str) -> list[WritesKept]:
        """What all doors show, MLflow by this URL."""
        api = MlflowApi(url, send, {})
        return read_back(self.operations, self.writers, api, self.sql, self.bucket)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    """Some writes of every kind, acknowledged by a real MLflow."""
    binary = minio_binary()
    if binary is None:
        pytest.skip("there is no MinIO on this machine")
    with open_folder() as folder, stand(binary, folder, Waiter(2)) as made:
        inside, store = LocalInside(), made.minio
        api = MlflowApi(made.urls[0], send, {})
        experiment = answer("create", api.post("experiments/create", name="readback"))
        path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
        with (
            Ledger(path, sync=False) as ledger,
            Writers(ledger, [api], experiment["experiment_id"], PACE) as writers,
        ):
            Waiter(2).until(
                "written: some of every kind",
                writers.pacer.acknowledged,
                done=lambda seen: all(seen[kind] >= 3 for kind in KINDS),
                timeout="load begun",
            )
        yield Written(
            url=made.urls[1],
            operations=read(path),
            writers=writers,
            sql=Sql(inside, dict(made.postgresql.auditor)),
            bucket=Bucket(
                inside,
                {
                    "endpoint": store.endpoint, "bucket": store.bucket, "region": "us-east-1",
                    "access_key": store.access_key, "secret_key": store.secret_key,
                },
                "",
            ),
        )  # fmt: skip
        assert remove_model(api, writers.model) == ""


def test_every_door_shows_every_acknowledged_write(written: Written) -> None:
    kept = written.read(written.url)
    assert wrong_with(kept) == ([], "")
    assert {k.kind for k in kept} == set(KINDS)
    assert all(k.finding.acknowledged >= 3 for k in kept)


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("metrics/get-history$", ["add"]),
        ("runs/get$", ["param", "tag"]),
        ("registered-models/get$", ["alias"]),
        ("model-versions/search$", ["version"]),
        ("mlflow-artifacts/artifacts/", ["put"]),
    ],
)
def test_what_is_refused_is_told_and_the_others_are_judged(
    written: Written, path: str, kinds: list[str]
) -> None:
    rule: dict[str, JsonValue] = {"method": "GET", "path": path, "status": 400}
    number, url = lying_proxy.start(written.url, "break", rule)
    try:
        kept = written.read(url)
    finally:
        lying_proxy.stop(number)
    assert [(k.door, k.kind) for k in kept if not k.holds] == [("mlflow", kind) for kind in kinds]
    wrong, unless = wrong_with(kept)
    assert all("refused: " in each and "HTTP 400" in each for each in wrong)
    assert unless == ""


def test_a_metric_that_is_gone_is_lost_at_every_door(written: Written, tmp_path: Path) -> None:
    invented = Operation("w", written.writers.runs[0].run_id, "add", 10**6, 0, 1, "acknowledged")
    more = Written(
        written.url, [*written.operations, invented], written.writers, written.sql, written.bucket
    )
    assert wrong_with(more.read(written.url))[0] == ["mlflow, add: 1 lost", "sql, add: 1 lost"]
