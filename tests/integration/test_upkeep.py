# SPDX-License-Identifier: Apache-2.0
"""What keeps PostgreSQL from clearing up, and whose settings its plans depend on, on a real one."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import processes
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.operations.planning import as_if_large, indexes_of
from mlflow_conformance.operations.upkeep import left_alone, left_open, sees_sessions

SETUP = """
CREATE TABLE runs (id text PRIMARY KEY, name text);
CREATE TABLE tags (key text);
INSERT INTO runs VALUES ('a', 'x'), ('b', 'y');
CREATE ROLE searcher LOGIN PASSWORD 'searcher';
CREATE ROLE reader LOGIN PASSWORD 'reader';
"""
SEARCH = "SELECT name FROM runs WHERE id = 'a'"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a database."""
    with processes.open_folder() as folder, processes.postgresql(folder, Waiter(1)) as running:
        with psycopg.connect(running.address) as connection:
            connection.execute(SETUP.encode())
        yield running.address


def door(uri: str, **other: str) -> Sql:
    """The suite's own door to a database."""
    words = {k: v for k, v in conninfo_to_dict(uri).items() if v is not None}
    return Sql(LocalInside(), {**words, **other})


def test_a_table_that_is_left_alone(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as owner:
        assert left_alone(door(server)) == []
        owner.execute("ALTER TABLE tags SET (autovacuum_enabled = no, fillfactor = 90)")
        owner.execute("ALTER TABLE runs SET (autovacuum_enabled = true)")
        assert left_alone(door(server)) == ["tags"]
        owner.execute("ALTER TABLE tags RESET (autovacuum_enabled)")


def test_a_session_that_is_left_in_a_transaction(server: str) -> None:
    with psycopg.connect(server) as idle:
        assert left_open(door(server), 0) == []
        idle.execute(SEARCH)
        (said,) = left_open(door(server), 0)
        assert said.endswith("that is idle in a transaction")
        assert left_open(door(server), 60) == []
        idle.rollback()
        assert left_open(door(server), 0) == []


def test_a_slot_that_nobody_reads_from(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute("SELECT pg_create_physical_replication_slot('gone')")
        assert left_open(door(server), 60) == ["replication slot gone, which nobody reads from"]
        owner.execute("SELECT pg_drop_replication_slot('gone')")


def test_an_account_that_is_told_nothing_of_others(server: str) -> None:
    assert sees_sessions(door(server))
    assert not sees_sessions(door(server, user="reader", password="reader"))


def test_a_search_is_planned_with_the_settings_of_whoever_searches(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as owner:
        (everybody,) = as_if_large(door(server)).values()
        assert indexes_of(everybody, SEARCH) == ["runs_pkey"]
        owner.execute("ALTER ROLE searcher SET search_path = public")
        assert list(as_if_large(door(server))) == [""]
        for way in ("indexscan", "bitmapscan", "indexonlyscan"):
            owner.execute(f"ALTER ROLE searcher SET enable_{way} = off")
        doors = as_if_large(door(server))
        assert list(doors) == ["", "searcher"]
        assert indexes_of(doors[""], SEARCH) == ["runs_pkey"]
        assert indexes_of(doors["searcher"], SEARCH) == []
