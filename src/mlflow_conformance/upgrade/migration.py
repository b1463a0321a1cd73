# SPDX-License-Identifier: Apache-2.0
"""What a migration itself does to a database, read from the statements that it executed.

`scripts/migration.py` executes them on a copy. What they name is what the migration means to
change; whatever else differs afterwards, it did not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow_conformance.config.documents import Strict

SCRIPT = Path(__file__).parent / "scripts" / "migration.py"
"""Runs in B's Python, with the address of a copy of A's database in its environment."""

_NAME = r'(?:"?\w+"?\.)?"?(\w+)"?'
_ALTER = re.compile(
    rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_NAME} "
    rf"(?:(ADD|DROP|ALTER|RENAME) (?:COLUMN )?(?:IF (?:NOT )?EXISTS )?{_NAME})", re.IGNORECASE,
)  # fmt: skip
_TABLE = re.compile(rf"(CREATE|DROP) TABLE (?:IF (?:NOT )?EXISTS )?{_NAME}", re.IGNORECASE)
_ROWS = re.compile(rf"(UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?) {_NAME}", re.IGNORECASE)
_NO_COLUMN = {"constraint", "primary", "unique", "foreign", "check", "to"}


class Statement(Strict):
    """A statement that wrote.

    Attributes:
        sql: in one line, with a question mark for each value that it binds.
        values: what one that deletes bound.
    """

    sql: str
    times: int
    rows: int
    values: list[str]


@dataclass(frozen=True)
class Meant:
    """What statements change: columns as table and column, rows by table.

    Attributes:
        deleted: by table, the values by which its rows were chosen.
    """

    columns: frozenset[tuple[str, str]]
    tables: frozenset[str]
    written: frozenset[tuple[str, str]]
    deleted: dict[str, frozenset[str]]

    def deletes(self, table: str, key: list[str | None]) -> bool:
        """Whether a row of this key is among those that were to be deleted.

        Statements that bind no part of any key choose rows by something else, and may mean any.
        """
        values = self.deleted.get(table)
        if values is None:
            return False
        return not values or all(part is None or part in values for part in key)


class MigrationRecord(Strict):
    """One migration; `seconds` is how long it took on a copy that nobody else used."""

    seconds: float
    statements: list[Statement]

    def meant(self) -> Meant:
        """What it changes."""
        columns: set[tuple[str, str]] = set()
        tables: set[str] = set()
        written: set[tuple[str, str]] = set()
        deleted: dict[str, frozenset[str]] = {}
        for statement in self.statements:
            text = statement.sql
            if (found := _ALTER.match(text)) and found[3].lower() not in _NO_COLUMN:
                columns.add((found[1], found[3]))
            elif found := _TABLE.match(text):
                tables.add(found[2])
            elif found := _ROWS.match(text):
                verb, table = found[1].upper(), found[2]
                if verb == "UPDATE":
                    written.update((table, column) for column in assigned(text))
                else:
                    deleted[table] = deleted.get(table, frozenset()) | set(statement.values)
        return Meant(frozenset(columns), frozenset(tables), frozenset(written), deleted)


def assigned(update: str) -> Iterator[str]:
    """The columns that an UPDATE assigns to; what stands in parentheses assigns nothing."""
    depth, flat = 0, []
    for sign in update:
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            flat.append(sign)
    _, _, clause = "".join(flat).partition(" SET ")
    clause = re.split(r" (?:WHERE|FROM|RETURNING) ", clause, maxsplit=1, flags=re.IGNORECASE)[0]
    for part in clause.split(","):
        name, equals, _ = part.partition("=")
        if equals:
            yield name.strip().strip('"').rpartition(".")[2]
