# SPDX-License-Identifier: Apache-2.0
"""The live data as one value: how many rows each table has and what is in them."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlflow_conformance.doors.sql import TABLES, Sql


@dataclass(frozen=True)
class Fingerprint:
    """Every table of the database, seen by one snapshot.

    Attributes:
        tables: rows and a digest of them in no order, by table.
    """

    tables: Mapping[str, tuple[int, str]]

    @property
    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table: count for table, (count, _) in self.tables.items()}

    def differences(self, other: "Fingerprint") -> list[str]:
        """The tables that differ, with their row counts here and there."""
        return [
            f"{t}: {self.tables.get(t, ('no table',))[0]}, {other.tables.get(t, ('no table',))[0]}"
            for t in sorted(self.tables.keys() | other.tables.keys())
            if self.tables.get(t) != other.tables.get(t)
        ]


_ONE = (
    "SELECT %name, count(*), md5(coalesce(string_agg(h, '' ORDER BY h), '')) "
    "FROM (SELECT md5(t::text) AS h FROM %table t) rows_of"
)


def fingerprint(sql: Sql) -> Fingerprint:
    """Read every table.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    tables = sql.column(TABLES)
    found = sql.rows(statement(tables)) if tables else []
    return Fingerprint({table: (count, digest) for table, count, digest in found})


def quoted(text: str, mark: str) -> str:
    """A text as SQL quotes it."""
    return mark + text.replace(mark, mark * 2) + mark


def statement(tables: list[str]) -> str:
    """One statement that counts and digests all tables: a single statement sees one snapshot."""
    parts = [
        _ONE.replace("%name", quoted(t, "'")).replace("%table", quoted(t, '"')) for t in tables
    ]
    return " UNION ALL ".join(parts)


def databases(sql: Sql) -> list[str]:
    """The names of the server's databases."""
    return sql.column("SELECT datname FROM pg_database ORDER BY datname")
