# SPDX-License-Identifier: Apache-2.0
"""Digests of a database's content, value by value, by the key of each row.

Kept in a file, it tells later which rows and columns are no longer what they were, also where
others have written meanwhile: rows of keys that it does not know are not its business. It holds no
value of any column that is not in a key. Of a large table it has a part, chosen by the digests of
keys, so that the same rows are looked at again.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow_conformance.doors.sql import TABLES, Sql, quoted, spelled

ROWS_AT_MOST = 200_000
"""Of one table; of a larger one, one in so many keys that about as many are looked at."""
_CHUNK = 50_000
_COLUMNS = """
SELECT table_name, column_name, data_type || coalesce('(' || character_maximum_length || ')', ''),
       is_generated
  FROM information_schema.columns WHERE table_schema = current_schema()
 ORDER BY table_name, ordinal_position
"""
_KEYS = """
SELECT i.indrelid::regclass::text, a.attname FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = current_schema()::regnamespace
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
 WHERE i.indisprimary ORDER BY 1, array_position(i.indkey::int2[], a.attnum)
"""
_PLACE = "('x' || left(md5({key}), 8))::bit(32)::bigint"


@dataclass(frozen=True)
class TableShape:
    """A table without its rows.

    Attributes:
        columns: their types, by name.
        key: the columns of its primary key; all columns of a table that has none.
        rows: how many there were.
        one_in: of how many keys one was looked at.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    rows: int
    one_in: int


@dataclass(frozen=True)
class TableContent:
    """A table with the digests of its rows: by key, those of its columns in their order."""

    shape: TableShape
    digests: Mapping[str, str]


@dataclass(frozen=True)
class RowFingerprint:
    """A database at one moment, by table."""

    tables: Mapping[str, TableContent]

    @property
    def rows(self) -> int:
        """How many rows were looked at."""
        return sum(len(table.digests) for table in self.tables.values())

    def kept_in(self, path: Path) -> None:
        """Write it down, compressed: a line for each table, and one for each of its rows."""
        with gzip.open(path, "wt", encoding="utf-8", compresslevel=3) as file:
            for table in self.tables.values():
                shape = table.shape
                head = {
                    "table": shape.name, "columns": dict(shape.columns), "key": shape.key,
                    "rows": shape.rows, "one_in": shape.one_in,
                }  # fmt: skip
                file.write(f"{json.dumps(head)}\n")
                for row in table.digests.items():
                    file.write(f"{json.dumps(row)}\n")

    @classmethod
    def read(cls, path: Path) -> "RowFingerprint":
        """What `kept_in` wrote."""
        tables: dict[str, TableContent] = {}
        digests: dict[str, str] = {}
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                told = json.loads(line)
                if isinstance(told, list):
                    digests[told[0]] = told[1]
                    continue
                digests = {}
                shape = TableShape(
                    told["table"], told["columns"], tuple(told["key"]), told["rows"],
                    told["one_in"],
                )  # fmt: skip
                tables[shape.name] = TableContent(shape, digests)
        return cls(tables)


def fingerprint(sql: Sql, earlier: RowFingerprint | None = None) -> RowFingerprint:
    """Look at every row, in read-only statements.

    Args:
        earlier: one to be compared with; tables are looked at by its keys, where those are still
            there, and as it did.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    door = spelled(sql)
    columns: dict[str, dict[str, str]] = {table: {} for table in door.column(TABLES)}
    for table, column, kind, generated in door.rows(_COLUMNS):
        if table in columns and generated == "NEVER":
            columns[table][column] = kind
    keys: dict[str, list[str]] = {}
    for table, column in door.rows(_KEYS):
        keys.setdefault(table.strip('"'), []).append(column)
    tables = {}
    for table, kinds in columns.items():
        known = earlier.tables.get(table) if earlier else None
        shape = _shape(door, table, kinds, keys.get(table, []), known.shape if known else None)
        tables[table] = TableContent(shape, dict(_digests(door, shape)))
    return RowFingerprint(tables)


def _named(name: str) -> str:
    return quoted(name, '"')


def _shape(
    sql: Sql, table: str, kinds: dict[str, str], key: list[str], earlier: TableShape | None
) -> TableShape:
    rows = sql.one(f"SELECT count(*) FROM {_named(table)}")  # noqa: S608 - quoted
    one_in = max(1, rows // ROWS_AT_MOST)
    if earlier is not None and set(earlier.key) <= set(kinds):
        return TableShape(table, kinds, earlier.key, rows, earlier.one_in)
    return TableShape(table, kinds, tuple(key or kinds), rows, one_in)


def _digests(sql: Sql, shape: TableShape) -> Iterator[tuple[str, str]]:
    if not shape.key:
        return
    names = ", ".join(f"{_named(c)}::text" for c in shape.key)
    key = f"json_build_array({names})::text"
    values = " || ' ' || ".join(
        f"coalesce(left(md5({_named(c)}::text), 12), '-')" for c in shape.columns
    )
    place = _PLACE.format(key=key)
    chunks = max(1, shape.rows // shape.one_in // _CHUNK)
    for chunk in range(chunks):
        query = (
            f"SELECT {key}, {values} FROM {_named(shape.name)} "  # noqa: S608 - quoted
            f"WHERE {place} % {shape.one_in} = 0 AND {place} / {shape.one_in} % {chunks} = {chunk}"
        )
        for row in sql.rows(query):
            yield row[0], row[1]
