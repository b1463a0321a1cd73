# SPDX-License-Identifier: Apache-2.0
"""SQL against the deployment's database, by an account that can only read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import JsonValue

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.doors.inside import Inside, InsideFailed

TABLES = (
    "SELECT table_name FROM information_schema.tables "
    "WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name"
)
"""Statement for the names of all tables."""

_REFUSED = re.compile(
    "permission denied|authentication failed|no pg_hba.conf entry|does not exist"
    "|is not permitted to log in"
)
_SPELLING = (
    "-c datestyle=ISO,YMD -c intervalstyle=postgres -c timezone=UTC -c bytea_output=hex "
    "-c extra_float_digits=1"
)
"""How values are written depends on these, and so would the digests."""


@dataclass(frozen=True)
class Sql:
    """One database through the inside door; every statement has a connection of its own.

    Attributes:
        dsn: libpq connection parameters; holds a password, so it is never printed.
    """

    inside: Inside
    dsn: Mapping[str, str | int]

    def rows(self, query: str, *parameters: JsonValue) -> list[list[Any]]:
        """The rows of one statement with `%s` placeholders.

        Raises:
            InsideFailed: the database refused it or could not be reached.
        """
        result = self.inside.call(
            "sql", dsn=dict(self.dsn), query=query, parameters=list(parameters)
        )
        return cast(list[list[Any]], result)

    def one(self, query: str, *parameters: JsonValue) -> Any:
        """The single value of a statement that has one row with one column.

        Raises:
            LookupError: it had another shape.
        """
        rows = self.rows(query, *parameters)
        if len(rows) != 1 or len(rows[0]) != 1:
            raise LookupError(f"one value expected, {len(rows)} rows came: {query}")
        return rows[0][0]

    def column(self, query: str, *parameters: JsonValue) -> list[Any]:
        """The first column of every row."""
        return [row[0] for row in self.rows(query, *parameters)]

    def __repr__(self) -> str:
        return f"Sql({self.dsn.get('host')}:{self.dsn.get('port')}/{self.dsn.get('dbname')})"


def refusal(problem: InsideFailed) -> str:
    """What the database said to whom it does not let in, or show something; else empty.

    A database that does not answer, or not yet, has said nothing of the kind.
    """
    said = str(problem)
    return brief(said) if _REFUSED.search(said) else ""


def spelled(sql: Sql) -> Sql:
    """The same door, through which values are written in one way on every server."""
    own = str(sql.dsn.get("options", ""))
    return replace(sql, dsn={**sql.dsn, "options": f"{own} {_SPELLING}".strip()})


def quoted(text: str, mark: str) -> str:
    """A text as SQL quotes it."""
    return mark + text.replace(mark, mark * 2) + mark
