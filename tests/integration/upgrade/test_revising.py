# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL notes who writes the revision of the schema."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

import processes
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.target.base import Target
from mlflow_conformance.upgrade import revising

WAITER = Waiter(1)
TARGET = cast(Target, SimpleNamespace(need_kube=lambda: None, names=SimpleNamespace(mlflow=None)))
OBJECTS = (
    "SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), "
    "(SELECT count(*) FROM pg_proc WHERE proname ~ 'mlflow_conformance')"
)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Sql, psycopg.Connection[Any], str]]:
    """The auditor's door, MLflow's own role, and how others sign in."""
    with (
        processes.open_folder() as folder,
        processes.postgresql(folder, WAITER) as running,
        psycopg.connect(running.address, autocommit=True) as owner,
    ):
        owner.execute("CREATE TABLE alembic_version (version_num text)")
        owner.execute("INSERT INTO alembic_version VALUES ('one')")
        yield Sql(LocalInside(), running.auditor), owner, running.address


@pytest.fixture
def door(
    server: tuple[Sql, psycopg.Connection[Any], str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Sql, psycopg.Connection[Any], str]:
    def execute(_kube: object, _names: object, statements: str) -> None:
        with server[1].transaction():
            server[1].execute(statements.encode())

    monkeypatch.setattr(revising, "execute", execute)
    return server


def test_what_is_committed_is_noted(door: tuple[Sql, psycopg.Connection[Any], str]) -> None:
    sql, owner, address = door
    with revising.revisions_noted(TARGET, sql, WAITER) as notes:
        notes.read(sql)
        assert (notes.silent, list(notes.revised)) == ("", [])
        began = time.monotonic_ns()
        with psycopg.connect(address) as migration:
            for revision in ("two", "three"):
                migration.execute("UPDATE alembic_version SET version_num = %s", (revision,))
            session = migration.info.backend_pid
        with psycopg.connect(address) as stopped:
            stopped.execute("UPDATE alembic_version SET version_num = 'four'")
            stopped.rollback()
        notes.read(sql)
        ended = time.monotonic_ns()
    assert [(each.session, each.address) for each in notes.revised] == [(session, "127.0.0.1")] * 2
    edge = 50_000_000  # two clocks that were held against each other
    assert all(began - edge <= each.at_ns <= ended + edge for each in notes.revised)
    assert owner.execute(OBJECTS).fetchone() == (0, 0)
    assert notes.left == ""


def test_a_database_that_lets_nobody_make_a_trigger_notes_nothing(
    door: tuple[Sql, psycopg.Connection[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Unusable("The database refused it", remedy="Leave it")

    monkeypatch.setattr(revising, "execute", refuse)
    with revising.revisions_noted(TARGET, door[0], WAITER) as notes:
        notes.read(door[0])
    assert (notes.silent, notes.left) == ("The database refused it", "The database refused it")
