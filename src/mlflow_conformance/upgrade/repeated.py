# SPDX-License-Identifier: Apache-2.0
"""A migration that is started twice at once, and one that is killed half-way and run again.

Both on copies of the database. Half-way is made sure of and not timed: somebody holds the table
that names the revision against writers, so that a migration which has done its work waits there
with all its locks, uncommitted. The same session reads as a long report does: a migration that cuts
it off to get ahead is seen.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.upgrade.copies import Copies
from mlflow_conformance.upgrade.migrating import OwnMigration, outcomes

_NAME = "mlflow-conformance-migration"
_READER = "mlflow-conformance-reader"
_REVISION = "SELECT version_num FROM alembic_version"
_STRUCTURE = """
SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
  SELECT format('%s.%s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) AS line
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
     AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
   WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
) AS lines
"""
_READ = (
    "BEGIN; LOCK TABLE alembic_version IN SHARE MODE; SELECT count(*) FROM runs; "
    "SELECT pg_sleep(600)"
)
_OF_READER = "FROM pg_stat_activity WHERE application_name = 'mlflow-conformance-reader'"
_READERS = f"SELECT count(*) {_OF_READER}"
_END_READERS = f"SELECT count(pg_terminate_backend(pid)) {_OF_READER}"
_OF_WAITING = "FROM pg_locks WHERE NOT granted AND relation = 'alembic_version'::regclass"
_WAITING = f"SELECT count(*) {_OF_WAITING}"
# A killed pod's container may live on for seconds, and its network is gone before it could say
# goodbye: PostgreSQL keeps its sessions, and what they hold, until it asks after their clients.
_END_WAITING = f"SELECT count(pg_terminate_backend(pid)) {_OF_WAITING}"
_OF_OTHERS = (
    "FROM pg_stat_activity WHERE datname = current_database() "
    "AND backend_type = 'client backend' AND pid <> pg_backend_pid() "
    "AND application_name <> 'mlflow-conformance-reader'"
)
_OTHERS = f"SELECT count(*) {_OF_OTHERS}"
_END_OTHERS = f"SELECT count(pg_terminate_backend(pid)) {_OF_OTHERS}"


@dataclass(frozen=True)
class SchemaState:
    """The schema of one copy: its revision, and a digest of tables, constraints and indexes."""

    revision: str
    structure: str


@dataclass(frozen=True)
class Repeated:
    """What became of the migrations.

    Attributes:
        before: the schema that A left.
        twice: what the two said that were started at once; empty for one that ended well.
        after_both: the schema then.
        seconds: until both had ended.
        reader_stayed: who read meanwhile was not cut off.
        killed: the schema after the one that was killed; None where there is nothing to migrate,
            or nobody to wait for any more.
        again: what the next one said; empty when it ended well.
        after_again: the schema then.
        left_behind: sessions of the killed one that PostgreSQL still kept, with what they held.
    """

    before: SchemaState
    twice: list[str]
    after_both: SchemaState
    seconds: float
    reader_stayed: bool = True
    killed: SchemaState | None = None
    again: str = ""
    after_again: SchemaState | None = None
    left_behind: int = 0


def repeated(copies: Copies, migration: OwnMigration, waiter: Waiter) -> Repeated:
    """Migrate one copy twice at once, and another one again after it was killed half-way.

    Raises:
        TimedOut: a migration did not come as far as it must.
        KubeFailed: a pod or a copy could not be made.
    """
    with migration.prepared(copies.kube, waiter):
        for database in ("twice", "halfway"):
            copies.make(database)
        before = _schema(copies, "twice")
        names = [f"{_NAME}-{number}" for number in (1, 2)]
        began = time.monotonic()
        with migration.going_on(copies, "twice", names, waiter):
            twice = outcomes(copies.kube, names, waiter)
        seconds = time.monotonic() - began
        after_both = _schema(copies, "twice")
        said = list(twice.values())
        if after_both.revision == before.revision:
            return Repeated(before, said, after_both, seconds)
        with _reading(copies, "halfway", waiter):
            with migration.going_on(copies, "halfway", [_NAME], waiter):
                _, readers = waiter.until(
                    "half-way: the migration",
                    lambda: (copies.sql(_WAITING, "halfway"), copies.sql(_READERS, "halfway")),
                    done=lambda seen: seen[0] != "0" or seen[1] == "0",
                    timeout="restore finished",
                )
            copies.sql(_END_WAITING, "halfway")
        if readers == "0":
            return Repeated(before, said, after_both, seconds, reader_stayed=False)
        left = int(copies.sql(_OTHERS, "halfway"))
        waiter.until(
            "gone: the sessions of the migration that was killed",
            lambda: (copies.sql(_END_OTHERS, "halfway"), copies.sql(_OTHERS, "halfway")),
            done=lambda seen: seen[1] == "0",
            timeout="pod ready",
        )
        killed = _schema(copies, "halfway")
        with migration.going_on(copies, "halfway", [_NAME], waiter):
            again = outcomes(copies.kube, [_NAME], waiter)[_NAME]
        return Repeated(
            before, said, after_both, seconds, True, killed, again, _schema(copies, "halfway"), left
        )


def _schema(copies: Copies, database: str) -> SchemaState:
    return SchemaState(copies.sql(_REVISION, database), copies.sql(_STRUCTURE, database))


@contextmanager
def _reading(copies: Copies, database: str, waiter: Waiter) -> Iterator[None]:
    """Somebody who reads for as long as the context lasts."""
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(_read, copies, database)
        try:
            waiter.until(
                "reading: somebody else",
                lambda: copies.sql(_READERS, database),
                done=lambda seen: seen == "1",
                timeout="pod ready",
            )
            yield
        finally:
            copies.sql(_END_READERS, database)
            job.result()


def _read(copies: Copies, database: str) -> None:
    try:
        copies.sql(_READ, database, reader=_READER)
    except KubeFailed:
        return  # its session is ended, here or by the migration: what is there tells which
