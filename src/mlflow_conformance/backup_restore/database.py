# SPDX-License-Identifier: Apache-2.0
"""The live data as one value: what is in each table, and what the tables are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow_conformance.backup_restore import catalogs
from mlflow_conformance.doors.sql import TABLES, Sql, quoted, spelled


@dataclass(frozen=True)
class Fingerprint:
    """A database as one value.

    Attributes:
        tables: rows and a digest of them in no order, by table; all seen by one snapshot.
        sequences: where each stands.
        structure, owners, privileges: what is true of each thing, by its name; see `catalogs`.
    """

    tables: Mapping[str, tuple[int, str]]
    sequences: Mapping[str, int | None] = field(default_factory=dict)
    structure: Mapping[str, str | None] = field(default_factory=dict)
    owners: Mapping[str, str | None] = field(default_factory=dict)
    privileges: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table: count for table, (count, _) in self.tables.items()}

    @property
    def content(self) -> dict[str, str]:
        """The digest of each table's rows."""
        return {table: digest for table, (_, digest) in self.tables.items()}

    def differences(self, other: "Fingerprint") -> list[str]:
        """The tables that differ, with their row counts here and there, and what else does."""
        return [
            *(
                f"{t}: {self.tables.get(t, ('no table',))[0]}, "
                f"{other.tables.get(t, ('no table',))[0]}"
                for t in sorted(self.tables.keys() | other.tables.keys())
                if self.tables.get(t) != other.tables.get(t)
            ),
            *differing(self.sequences, other.sequences),
            *differing(self.structure, other.structure),
            *differing(self.owners, other.owners),
            *differing(self.privileges, other.privileges),
        ]


def differing(here: Mapping[str, object], there: Mapping[str, object]) -> list[str]:
    """What is another here and there, or only in one of the two, each with both."""
    return [
        f"{name}: {here.get(name, 'not there')}, {there.get(name, 'not there')}"
        for name in sorted(here.keys() | there.keys())
        if here.get(name, _NONE) != there.get(name, _NONE)
    ]


_NONE = object()
# A sum needs neither the rows' order nor memory for all of them; two halves of 64 bits each. It is
# how manifests of schema 2 say it, so that theirs can be compared.
_ONE = """
SELECT %name, count(*),
       coalesce(sum(('x' || left(md5(t::text), 16))::bit(64)::bigint::numeric), 0) || ':' ||
       coalesce(sum(('x' || right(md5(t::text), 16))::bit(64)::bigint::numeric), 0)
  FROM %table t
"""
_NEXT = (
    "SELECT %name, last_value + is_called::int, (SELECT max(%column) FROM %table) FROM %sequence"
)


def fingerprint(sql: Sql) -> Fingerprint:
    """Read everything.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    door = spelled(sql)
    tables = door.column(TABLES)
    found = door.rows(statement(tables)) if tables else []
    return Fingerprint(
        tables={table: (count, digest) for table, count, digest in found},
        sequences=_pairs(door.rows(catalogs.SEQUENCES)),
        structure=_pairs(door.rows(catalogs.STRUCTURE)),
        owners=_pairs(door.rows(catalogs.OWNERS)),
        privileges=_pairs(door.rows(catalogs.PRIVILEGES)),
    )


def _pairs(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    return {str(name): value for name, value in rows}


def behind(sql: Sql) -> list[str]:
    """Sequences whose next value is one that their column already has, or an earlier one.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    parts = [
        _NEXT.replace("%name", quoted(sequence, "'"))
        .replace("%sequence", quoted(sequence, '"'))
        .replace("%table", quoted(table, '"'))
        .replace("%column", quoted(column, '"'))
        for sequence, table, column in sql.rows(catalogs.COUNTED)
    ]
    found = sql.rows(" UNION ALL ".join(parts)) if parts else []
    return [
        f"{sequence}: {following} is next, {most} is there"
        for sequence, following, most in sorted(found)
        if most is not None and following <= most
    ]


def statement(tables: list[str]) -> str:
    """One statement that counts and digests all tables: a single statement sees one snapshot."""
    parts = [
        _ONE.replace("%name", quoted(t, "'")).replace("%table", quoted(t, '"')) for t in tables
    ]
    return " UNION ALL ".join(parts)


def databases(sql: Sql) -> list[str]:
    """The names of the server's databases."""
    return sql.column("SELECT datname FROM pg_database ORDER BY datname")
