# SPDX-License-Identifier: Apache-2.0
"""What the accounts of a real PostgreSQL may do, and what it says to who signs in."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

import processes
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.security.database_rights import rights
from mlflow_conformance.security.signing_in import accounts, knocks

READER = {"read tables", "member of pg_read_all_data"}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Sql, psycopg.Connection, Callable[[str], None]]]:
    """The auditor's door, its administrator, and how the rules of pg_hba.conf are replaced."""
    with (
        processes.open_folder() as folder,
        processes.postgresql(folder, Waiter(1)) as running,
        psycopg.connect(running.address, autocommit=True) as admin,
    ):
        admin.execute("CREATE TABLE runs (id text, note text)")

        def rules(text: str) -> None:
            (folder / "postgresql" / "pg_hba.conf").write_text(text)
            admin.execute("SELECT pg_reload_conf()")

        yield Sql(LocalInside(), running.auditor), admin, rules


def test_rights_of_everyone_and_by_column_are_rights(
    server: tuple[Sql, psycopg.Connection, Callable[[str], None]],
) -> None:
    sql, admin, _ = server
    assert rights(sql)["auditor"] == READER
    assert {"superuser", "change tables", "read tables"} <= rights(sql)["mlflow"]
    for grant in ("DELETE ON runs TO PUBLIC", "UPDATE (note) ON runs TO auditor"):
        admin.execute(f"GRANT {grant}".encode())
        assert rights(sql)["auditor"] == READER | {"change tables"}
        admin.execute(f"REVOKE {grant.replace(' TO ', ' FROM ')}".encode())
    admin.execute("ALTER ROLE auditor CREATEROLE")
    assert rights(sql)["auditor"] == READER | {"create roles"}
    admin.execute("ALTER ROLE auditor NOCREATEROLE")
    assert rights(sql)["auditor"] == READER


def test_what_is_said_to_who_signs_in(
    server: tuple[Sql, psycopg.Connection, Callable[[str], None]],
) -> None:
    sql, _, rules = server
    names = accounts(sql)
    assert names == ["auditor", "mlflow"]
    assert set(knocks(sql, names, "made up").values()) == {"asked for another password"}
    for rule, said in (
        ("host all all all trust", "accepted"),
        ("hostssl all all all scram-sha-256", "refused for lack of encryption"),
        ("hostnossl all all all reject", "refused for lack of encryption"),
    ):
        rules(f"{rule}\n")
        seen = Waiter(1).last_seen(
            f"in effect: {rule}",
            lambda: set(knocks(sql, names, "made up", sslmode="disable").values()),
            done={said}.__eq__,
            timeout="api reply",
            interval_s=0.2,
        )
        assert seen == {said}, rule
