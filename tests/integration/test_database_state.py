# SPDX-License-Identifier: Apache-2.0
"""What a backup says of a database, on a real PostgreSQL: a dump that restores the same, or not."""

import importlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import processes
from mlflow_conformance.backup_restore.database import behind, fingerprint
from mlflow_conformance.backup_restore.told import structure_digests
from mlflow_conformance.config.assets import asset
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.sql import Sql

SETUP = """
CREATE TABLE runs (id text PRIMARY KEY, number double precision, at timestamptz, raw bytea);
CREATE TABLE experiments (id serial PRIMARY KEY, name text UNIQUE NOT NULL DEFAULT 'none');
CREATE TABLE tags (run text REFERENCES runs (id), key text, CHECK (key <> ''));
CREATE TABLE stages (stage varchar(20), CONSTRAINT stage CHECK (stage IN ('active', 'deleted')));
CREATE INDEX active ON stages (stage) WHERE stage IN ('active', 'deleted');
CREATE INDEX tags_by_key ON tags (key);
INSERT INTO experiments (name) VALUES ('one'), ('two');
INSERT INTO runs VALUES
  ('a', 0.1, now(), '\\x00ff'), ('b', 'NaN', NULL, NULL), ('c', 1e-30, now(), '');
INSERT INTO tags VALUES ('a', 'x'), ('a', 'x'), ('b', 'y');
"""
OTHER_LIST = """
ALTER TABLE stages DROP CONSTRAINT stage, ADD CONSTRAINT stage CHECK (stage IN ('active', 'gone'))
"""


@pytest.fixture(scope="module")
def state() -> Iterator[Any]:
    """The module of the chart's Jobs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(asset("deployment/k3d/mlflow/files")))
        yield importlib.import_module("state")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a database with rows of every kind."""
    with processes.open_folder() as folder, processes.postgresql(folder, Waiter(1)) as running:
        with psycopg.connect(running.address) as connection:
            connection.execute(SETUP.encode())
        yield running.address


@pytest.fixture
def copy(server: str, tmp_path: Path) -> Iterator[str]:
    """A second database that was made from a dump of the first."""
    dump, uri = tmp_path / "dump", server.rpartition("/")[0] + "/copy"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE DATABASE copy TEMPLATE template0")
        program = processes.POSTGRESQL_BIN
        subprocess.run([program / "pg_dump", "-Fc", f"--file={dump}", server], check=True)
        subprocess.run([program / "pg_restore", f"--dbname={uri}", dump], check=True)
        yield uri
        admin.execute("DROP DATABASE copy WITH (FORCE)")


def door(uri: str) -> Sql:
    """The suite's own door to a database."""
    return Sql(LocalInside(), {k: v for k, v in conninfo_to_dict(uri).items() if v is not None})


def test_a_restored_dump_is_the_same(state: Any, server: str, copy: str) -> None:
    with psycopg.connect(server) as one, psycopg.connect(copy) as other:
        other.execute("SET timezone = 'Asia/Tokyo'")
        expected = state.State.read(one)
        assert expected.rows == {"experiments": 2, "runs": 3, "stages": 0, "tags": 3}
        assert expected.sequences == {"experiments_id_seq": 2}
        assert state.State.read(other).differences(expected) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE runs SET number = 0.2 WHERE id = 'a'", "content of runs"),
        ("UPDATE runs SET raw = '\\x00fe' WHERE id = 'a'", "content of runs"),
        ("UPDATE runs SET at = at + interval '1 microsecond' WHERE id = 'a'", "content of runs"),
        ("UPDATE tags SET key = 'z' WHERE key = 'y'", "content of tags"),
        ("DELETE FROM tags WHERE key = 'y'", "rows of tags"),
        ("SELECT setval('experiments_id_seq', 1)", "sequences of experiments_id_seq"),
        ("DROP INDEX tags_by_key", "structure of indexes"),
        ("ALTER TABLE tags DROP CONSTRAINT tags_run_fkey", "structure of constraints"),
        (
            OTHER_LIST,
            "structure of constraints",
        ),
        ("ALTER TABLE experiments ALTER id DROP DEFAULT", "structure of columns"),
        ("CREATE TABLE another ()", "rows of another"),
    ],
)
def test_a_difference_is_told(state: Any, server: str, copy: str, change: str, told: str) -> None:
    with psycopg.connect(copy) as other, psycopg.connect(server) as one:
        other.execute(change.encode())
        assert told in state.State.read(other).differences(state.State.read(one))


def test_a_number_that_was_drawn_meanwhile_is_no_difference(
    state: Any, server: str, copy: str
) -> None:
    with psycopg.connect(copy) as other, psycopg.connect(server) as one:
        other.execute("SELECT nextval('experiments_id_seq')")
        assert state.State.read(other).differences(state.State.read(one)) == []


def test_the_suite_computes_what_a_manifest_tells(state: Any, server: str) -> None:
    sql = door(server)
    with psycopg.connect(server) as one:
        told = state.State.read(one)
    found = fingerprint(sql)
    assert (found.rows, found.content) == (told.rows, told.content)
    assert (found.sequences, structure_digests(sql)) == (told.sequences, told.structure)


def test_a_restored_dump_has_the_same_fingerprint(server: str, copy: str) -> None:
    one, other = (door(uri) for uri in (server, copy))
    assert fingerprint(one).differences(fingerprint(other)) == []
    assert behind(other) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("SELECT setval('experiments_id_seq', 1)", "experiments_id_seq: 2, 1"),
        ("UPDATE runs SET number = 0.2 WHERE id = 'a'", "runs: 3, 3"),
        ("DROP INDEX tags_by_key", "index tags_by_key: CREATE INDEX"),
        (
            "ALTER TABLE tags DROP CONSTRAINT tags_run_fkey",
            "constraint tags.tags_run_fkey: ",
        ),
        ("ALTER TABLE experiments ALTER id DROP DEFAULT", "column experiments.id: integer"),
        ("ALTER TABLE tags SET UNLOGGED", "table tags: r p, r u"),
        ("ALTER TABLE tags OWNER TO auditor", "relation tags: mlflow, auditor"),
        ("GRANT INSERT ON tags TO auditor", "relation tags: mlflow DELETE"),
        ("GRANT CREATE ON DATABASE copy TO auditor", "database: PUBLIC CONNECT"),
        ("ALTER DATABASE copy SET work_mem = '8MB'", "settings of all here: not there"),
    ],
)
def test_a_fingerprint_tells_a_difference(server: str, copy: str, change: str, told: str) -> None:
    with psycopg.connect(copy, autocommit=True) as other:
        other.execute(change.encode())
    one, two = (door(uri) for uri in (server, copy))
    found = fingerprint(one).differences(fingerprint(two))
    assert [text for text in found if text.startswith(told)], found


@pytest.mark.parametrize("called", [True, False])
def test_a_sequence_that_gives_a_number_again_is_told(copy: str, called: bool) -> None:
    with psycopg.connect(copy) as other:
        other.execute("SELECT setval('experiments_id_seq', %s, %s)", (1 if called else 2, called))
    told = behind(door(copy))
    assert told == ["experiments_id_seq: 2 is next, 2 is there"]


def test_what_an_older_manifest_does_not_say_is_not_compared(state: Any, server: str) -> None:
    with psycopg.connect(server) as one:
        read = state.State.read(one)
    older = state.State(rows=read.rows, content={}, sequences={}, structure={})
    assert read.differences(older) == []
