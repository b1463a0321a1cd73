# SPDX-License-Identifier: Apache-2.0
"""Everything that the database and the bucket hold, counted and compared.

PostgreSQL stamps each row with the transaction that wrote it (``xmin``), so what was written since
a moment can be shown row by row, whoever wrote it and however many rows there were before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import TABLES, Sql

_ROOTS = {
    "experiment": "SELECT experiment_id::text FROM experiments",
    "run": "SELECT run_uuid FROM runs",
    "registered model": "SELECT name FROM registered_models",
    "logged model": "SELECT model_id FROM logged_models",
    "trace": "SELECT request_id FROM trace_info",
}
_SHOWN = 300
_MOST = 20


@dataclass(frozen=True)
class Inventory:
    """The names of everything there is at one moment, and how many rows hold it.

    Attributes:
        rows: how many, by table.
        things: what people know by name or ID, by its kind.
        objects: ETags by key; empty without a bucket.
    """

    rows: Mapping[str, int]
    things: Mapping[str, frozenset[str]]
    objects: Mapping[str, str]

    @classmethod
    def taken(cls, sql: Sql, bucket: Bucket | None) -> Self:
        """Count everything.

        Raises:
            InsideFailed: the database or the bucket refused it or could not be reached.
        """
        return cls(
            rows=row_counts(sql),
            things={kind: frozenset(sql.column(query)) for kind, query in _ROOTS.items()},
            objects={o.key: o.etag for o in bucket.objects()} if bucket else {},
        )

    def vanished(self, later: "Inventory") -> list[str]:
        """What is no longer there: things, objects, and objects that have another content."""
        return [
            *(f"{kind} {name}" for kind, names in self.things.items()
              for name in sorted(names - later.things[kind])),
            *(f"object {key}" for key, etag in sorted(self.objects.items())
              if later.objects.get(key) != etag),
        ]  # fmt: skip

    def appeared(self, later: "Inventory") -> list[str]:
        """What was not there before."""
        return [
            *(f"{kind} {name}" for kind, names in self.things.items()
              for name in sorted(later.things[kind] - names)),
            *(f"object {key}" for key in sorted(set(later.objects) - set(self.objects))),
        ]  # fmt: skip

    def changed_rows(self, later: "Inventory") -> dict[str, list[int]]:
        """Tables that have another number of rows: before and later."""
        return {
            table: [self.rows.get(table, 0), later.rows.get(table, 0)]
            for table in sorted({*self.rows, *later.rows})
            if self.rows.get(table, 0) != later.rows.get(table, 0)
        }


def row_counts(sql: Sql) -> dict[str, int]:
    """The number of rows of every table.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    return dict(_of_each_table(sql, "SELECT '{table}', count(*) FROM \"{table}\""))


def plain_bytes(sql: Sql) -> int:
    """All rows as text, bytes: about what a dump of them takes that nothing compresses.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    sizes = 'SELECT coalesce(sum(octet_length(t::text)), 0)::bigint FROM "{table}" t'
    return sum(row[0] for row in _of_each_table(sql, sizes))


def _of_each_table(sql: Sql, query: str) -> list[list[Any]]:
    """The rows of one query about every table; `{table}` stands for its name."""
    tables = sql.column(TABLES)
    return sql.rows(" UNION ALL ".join(f"({query.format(table=table)})" for table in tables))


@dataclass(frozen=True)
class Moment:
    """A moment in the order of the database's transactions."""

    transaction: int

    @classmethod
    def now(cls, sql: Sql) -> Self:
        """Every transaction that begins from now on is after it.

        Raises:
            InsideFailed: the database refused it or could not be reached.
        """
        return cls(int(sql.one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")))

    def written_since(self, sql: Sql) -> list["TableRow"]:
        """The first rows of each table that were inserted or changed since, by anyone.

        Raises:
            InsideFailed: the database refused it or could not be reached.
        """
        # A row keeps the lower 32 bits of the transaction's number.
        first = self.transaction % 2**32
        query = (
            "SELECT '{table}', left(row_to_json(t)::text, " + str(_SHOWN) + ") "
            'FROM "{table}" t WHERE xmin::text::bigint >= ' + str(first) + f" LIMIT {_MOST}"
        )
        return [TableRow(table, text) for table, text in _of_each_table(sql, query)]


@dataclass(frozen=True)
class TableRow:
    """One row of a table; `text` is its JSON, cut."""

    table: str
    text: str

    def names_any(self, words: Sequence[str]) -> bool:
        """Whether one of these stands in it."""
        return any(word in self.text for word in words)

    def __str__(self) -> str:
        return f"{self.table}: {self.text}"
