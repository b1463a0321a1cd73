# SPDX-License-Identifier: Apache-2.0
"""What differs between a fingerprint and a later one, told by table and column: a pure function.

A difference is meant when a statement of the migration names it (see `migration`). A column of
which nothing says so, a row that is gone, a value that is another: those were not.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlflow_conformance.upgrade.fingerprint import RowFingerprint, TableContent
from mlflow_conformance.upgrade.migration import Meant

_EXAMPLES = 3
_EMPTY = "-"


@dataclass(frozen=True)
class Differing:
    """One thing that differs.

    Attributes:
        column: empty where it is about a table or about whole rows.
        what: in words.
        rows: how many, of those that were looked at.
        examples: keys of the first of them.
        meant: whether the migration itself does it.
    """

    table: str
    column: str
    what: str
    rows: int
    examples: tuple[str, ...]
    meant: bool

    def __str__(self) -> str:
        name = f"{self.table}.{self.column}" if self.column else self.table
        count = f" in {self.rows} rows" if self.rows else ""
        shown = f", such as {'; '.join(self.examples)}" if self.examples else ""
        return f"{name}: {self.what}{count}{shown}"


def differences(before: RowFingerprint, after: RowFingerprint, meant: Meant) -> list[Differing]:
    """All that differs, the tables in their order.

    Rows that came since are none of it, for others may have written them.

    Args:
        after: it was taken with `before` as the earlier one.
    """
    found: list[Differing] = []
    for name, content in before.tables.items():
        later = after.tables.get(name)
        if later is None:
            rows, mine = content.shape.rows, name in meant.tables
            found.append(Differing(name, "", "the table is gone", rows, (), mine))
        else:
            found.extend(_of_table(content, later, meant))
    for name, content in after.tables.items():
        if name not in before.tables:
            found.append(
                Differing(name, "", "a new table", content.shape.rows, (), name in meant.tables)
            )
    return found


def rows_since(before: RowFingerprint, after: RowFingerprint) -> dict[str, int]:
    """How many rows came since, by table, of those that were looked at; tables without are out."""
    came = {
        name: len(content.digests.keys() - before.tables[name].digests.keys())
        for name, content in after.tables.items()
        if name in before.tables
    }
    return {name: count for name, count in came.items() if count}


def _of_table(before: TableContent, after: TableContent, meant: Meant) -> Iterator[Differing]:
    table, here, there = before.shape.name, before.shape.columns, after.shape.columns
    places = {column: place for place, column in enumerate(here)}
    for column in here:
        named = (table, column) in meant.columns
        if column not in there:
            filled = [
                key
                for key, row in before.digests.items()
                if row.split(" ")[places[column]] != _EMPTY
            ]
            what = "the column is gone, with values" if filled else "the column, empty, is gone"
            yield Differing(table, column, what, len(filled), tuple(filled[:_EXAMPLES]), named)
        elif here[column] != there[column]:
            what = f"its type was {here[column]}, and is {there[column]}"
            yield Differing(table, column, what, 0, (), named)
    for column in there:
        if column not in here:
            named = (table, column) in meant.columns
            yield Differing(table, column, f"a new column, {there[column]}", 0, (), named)
    if not set(before.shape.key) <= set(there):
        yield Differing(
            table, "", "its key is gone, so that rows cannot be told", before.shape.rows, (), False
        )
        return
    yield from _gone(before, after, meant)
    yield from _changed(before, after, meant)


def _gone(before: TableContent, after: TableContent, meant: Meant) -> Iterator[Differing]:
    table = before.shape.name
    gone = [key for key in before.digests if key not in after.digests]
    by_meaning: dict[bool, list[str]] = {True: [], False: []}
    # A row whose key is written is there under another one.
    moved = any((table, column) in meant.written for column in before.shape.key)
    for key in gone:
        by_meaning[moved or meant.deletes(table, json.loads(key))].append(key)
    for mine, keys in by_meaning.items():
        if keys:
            yield Differing(table, "", "gone", len(keys), tuple(keys[:_EXAMPLES]), mine)


def _changed(before: TableContent, after: TableContent, meant: Meant) -> Iterator[Differing]:
    table = before.shape.name
    there = {column: place for place, column in enumerate(after.shape.columns)}
    shared = [
        (column, place, there[column])
        for place, column in enumerate(before.shape.columns)
        if column in there
    ]
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for key, row in before.digests.items():
        other = after.digests.get(key)
        if other is None or (row == other and len(there) == len(before.shape.columns)):
            continue
        mine, theirs = row.split(" "), other.split(" ")
        for column, here, later in shared:
            if mine[here] != theirs[later]:
                counts[column] += 1
                if counts[column] <= _EXAMPLES:
                    examples.setdefault(column, []).append(key)
    for column, count in counts.items():
        named = (table, column) in meant.written or (table, column) in meant.columns
        yield Differing(table, column, "another value", count, tuple(examples[column]), named)


def shortened(texts: Sequence[object], most: int) -> list[str]:
    """The first of them as texts, and how many there are besides."""
    more = len(texts) - most
    return [*map(str, texts[:most]), *([f"and {more} more"] if more > 0 else [])]
