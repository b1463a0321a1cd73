# SPDX-License-Identifier: Apache-2.0
"""Somebody's own dump in a database that was made for it, on a real PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import processes
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.stand.in_pod import restore_dump

THEIRS = """
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
CREATE TABLE runs (id text PRIMARY KEY);
CREATE TABLE tags (run text REFERENCES runs (id));
INSERT INTO alembic_version VALUES ('abc');
INSERT INTO runs VALUES ('theirs');
INSERT INTO tags VALUES ('theirs');
"""
OURS = THEIRS.replace("theirs", "ours") + "CREATE INDEX of_the_chart ON runs (id);"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an empty database, as MLflow spells it."""
    with processes.open_folder() as folder, processes.postgresql(folder, Waiter(1)) as running:
        yield running.uri


def libpq(uri: str) -> str:
    return uri.replace("postgresql+psycopg2", "postgresql")


@pytest.fixture
def deployed(server: str) -> Iterator[str]:
    """A database as a deployment has it."""
    uri = server.rpartition("/")[0] + "/deployed"
    with psycopg.connect(libpq(server), autocommit=True) as admin:
        admin.execute("CREATE DATABASE deployed")
        with psycopg.connect(libpq(uri)) as connection:
            connection.execute(OURS.encode())
        yield uri
        admin.execute("DROP DATABASE deployed WITH (FORCE)")


@pytest.fixture
def dump(server: str, tmp_path: Path) -> Path:
    """A dump of somebody's database."""
    with psycopg.connect(libpq(server), autocommit=True) as admin:
        admin.execute("CREATE DATABASE theirs")
        uri = libpq(server).rpartition("/")[0] + "/theirs"
        with psycopg.connect(uri) as connection:
            connection.execute(THEIRS.encode())
        path = tmp_path / "dump"
        subprocess.run(
            [processes.POSTGRESQL_BIN / "pg_dump", "-Fc", f"--file={path}", uri], check=True
        )
        admin.execute("DROP DATABASE theirs WITH (FORCE)")
    return path


def run(what: str, uri: str, dump: Path) -> subprocess.CompletedProcess[str]:
    """Run the program as a container of MLflow does: by its source, the dump at its input."""
    source = Path(restore_dump.__file__).read_text()
    path = f"{processes.POSTGRESQL_BIN}{os.pathsep}{os.environ['PATH']}"
    with dump.open("rb") as file:
        return subprocess.run(
            [sys.executable, "-c", source, what],
            stdin=file,
            env={**os.environ, "PATH": path, "MLFLOW_BACKEND_STORE_URI": uri},
            capture_output=True,
            text=True,
            check=False,
        )


def names(uri: str) -> list[str]:
    with psycopg.connect(libpq(uri)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM runs")]


def test_schemas_are_told_before_anything_is_changed(deployed: str, dump: Path) -> None:
    assert run("deployed", deployed, dump).stdout.strip() == "abc"
    assert run("revision", deployed, dump).stdout.strip() == "abc"
    assert names(deployed) == ["ours"]


def test_a_dump_replaces_what_is_there(deployed: str, dump: Path) -> None:
    done = run("restore", deployed, dump)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(deployed) == ["theirs"]


def test_a_damaged_dump_changes_nothing_and_says_so(deployed: str, dump: Path) -> None:
    dump.write_bytes(dump.read_bytes()[:-200])
    done = run("restore", deployed, dump)
    assert done.returncode != 0
    assert "pg_restore" in done.stderr
    assert names(deployed) == ["ours"]
