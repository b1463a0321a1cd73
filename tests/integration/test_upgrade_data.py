# SPDX-License-Identifier: Apache-2.0
"""Data of every kind on a real MLflow with a real PostgreSQL: written, looked at, used, broken."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psycopg
import pytest
from pydantic import JsonValue

import processes
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import send
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.mutants.lies.replies import Omit
from mlflow_conformance.mutants.lying_proxy import LyingProxy
from mlflow_conformance.upgrade import bulk, models, using
from mlflow_conformance.upgrade.before import Before, give, keep, kept
from mlflow_conformance.upgrade.comparison import differences
from mlflow_conformance.upgrade.fingerprint import fingerprint
from mlflow_conformance.upgrade.migration import SCRIPT, MigrationRecord
from mlflow_conformance.upgrade.objects import objects_of

INSIDE = LocalInside()
NOTHING = MigrationRecord(seconds=0, statements=[]).meant()
BINARY = processes.minio_binary()
pytestmark = pytest.mark.skipif(BINARY is None, reason="no MinIO was built here")


@dataclass(frozen=True)
class Given:
    """A server with data of every kind, and the ways to it."""

    stand: processes.Stand
    api: MlflowApi
    sql: Sql
    bucket: Bucket
    before: Before


class LocalPython:
    """The Python of these tests, in a process of its own."""

    def run(self, script: Path, request: JsonValue) -> JsonValue:
        done = subprocess.run(
            [sys.executable, str(script), json.dumps(request)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        told: JsonValue = json.loads(done.stdout.splitlines()[-1])
        return told


@pytest.fixture(scope="module")
def given() -> Iterator[Given]:
    assert BINARY is not None
    with (
        processes.open_folder() as folder,
        processes.stand(BINARY, folder, Waiter(5), replicas=1) as stand,
    ):
        store = stand.minio
        door = {
            "endpoint": store.endpoint, "bucket": store.bucket, "region": "us-east-1",
            "access_key": store.access_key, "secret_key": store.secret_key,
        }  # fmt: skip
        api = MlflowApi(stand.urls[0], send, {}, 60)
        sql, bucket = Sql(INSIDE, stand.postgresql.auditor), Bucket(INSIDE, door, "")
        before = give(INSIDE, api, sql, bucket, "given", 25, 7)
        yield Given(stand, api, sql, bucket, before)


def test_every_kind_is_written_but_those_that_the_server_does_not_have(given: Given) -> None:
    seeded = given.before.seeded
    assert seeded.of("refused") == {}
    assert list(seeded.of("absent")) == ["user"]
    assert seeded.traces
    assert len(seeded.things) == 3 * len(seeded.of("written"))
    assert given.before.own == frozenset()


def test_what_was_looked_at_is_kept_in_files(given: Given, tmp_path: Path) -> None:
    assert kept(tmp_path) is None
    keep(given.before, tmp_path)
    assert kept(tmp_path) == given.before


def test_a_lie_about_one_tag_is_told(given: Given) -> None:
    lie = Omit(path="runs/get$", field="run.data.tags")
    proxy = LyingProxy(given.api.base_url, lie)
    try:
        api = replace(given.api, base_url=proxy.url)
        told = using.unread(INSIDE, api, given.before.seeded.things).told
    finally:
        proxy.stop()
    assert told
    assert all(text.startswith("run ") and "run.data.tags" in text for text in told)


def test_models_predict_the_same_in_a_new_process(given: Given) -> None:
    written = models.write_models(LocalPython(), given.api, "given-models")
    _, found = models.predictions(LocalPython(), given.api, written)
    assert models.other_predictions(written, found) == []
    assert len(written.predicted) == 3
    uri = next(iter(written.predicted))
    assert models.other_predictions(written, {**found, uri: "refused"})[0].startswith(uri)


CHANGES = [
    ("DELETE FROM tags WHERE key = 'team'", "tags: gone in "),
    ("UPDATE params SET value = '1' WHERE key = 'p1'", "params.value: another value in 25 rows"),
    ("ALTER TABLE assessments DROP COLUMN rationale", "assessments.rationale: the column is gone"),
    ("DROP TABLE webhook_events", "webhook_events: the table is gone"),
    ("ALTER TABLE runs ADD COLUMN more text", "runs.more: a new column, text"),
    ("UPDATE metrics SET value = 1 WHERE step = 3", "metrics: gone in "),
]


@pytest.fixture
def copied(given: Given) -> Iterator[str]:
    """A copy of the data, which may be broken; its name."""
    uri = given.stand.postgresql.address
    with psycopg.connect(uri.rpartition("/")[0] + "/postgres", autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'mlflow'"
        )
        admin.execute("CREATE DATABASE copied TEMPLATE mlflow")
        yield uri.rpartition("/")[0] + "/copied"
        admin.execute("DROP DATABASE copied WITH (FORCE)")


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_a_change_is_told_by_table_and_column(
    given: Given, copied: str, change: str, told: str
) -> None:
    with psycopg.connect(copied, autocommit=True) as owner:
        owner.execute(change.encode())
    sql = Sql(INSIDE, {**given.sql.dsn, "dbname": "copied"})
    found = differences(
        given.before.fingerprint, fingerprint(sql, given.before.fingerprint), NOTHING
    )
    assert [str(d) for d in found if str(d).startswith(told)], found
    assert len(found) == 1


def test_a_migration_tells_its_statements(copied: str) -> None:
    back = "75868b020152"  # of 3.17.2's two last revisions the first: it fills columns from rows
    program = (
        "import sys, sqlalchemy; from alembic import command;"
        "from mlflow.store.db.utils import _get_alembic_config as c;"
        f"command.downgrade(c(sys.argv[1]), '{back}'); command.downgrade(c(sys.argv[1]), '-1')"
    )
    subprocess.run([sys.executable, "-c", program, copied], check=True, capture_output=True)
    env = {"MLFLOW_BACKEND_STORE_URI": copied, "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], env=env, capture_output=True, text=True, check=True
    )
    meant = MigrationRecord.model_validate_json(done.stdout.splitlines()[-1]).meant()
    assert ("spans", "dimension_attributes") in meant.columns
    assert ("trace_info", "session_id") in meant.written
    assert meant.deletes("trace_request_metadata", ["mlflow.trace.session"])
    assert not meant.deletes("runs", ["r"])


def test_everything_can_be_used(given: Given) -> None:
    seeded = given.before.seeded
    part = {
        name: [t for t in seeded.things if t.part == name]
        for name in ("kept", "changed", "removed")
    }
    assert using.unchanged(given.api, part["changed"]) == using.UsedThings()
    assert using.unremoved(given.api, part["removed"]) == using.UsedThings()
    assert using.unread(INSIDE, given.api, part["kept"]) == using.UsedThings()
    read = partial(bulk.unread_parts, given.api, seeded.bulk, traces=True)
    assert read(numbers=range(25)) == []
    lost = given.before.objects.lost(objects_of(given.sql, given.bucket))
    assert [text.rpartition("/")[2] for text in lost] == [
        "given-artifact-changed.txt: another content", "given-artifact-removed.txt: gone",
    ]  # fmt: skip
