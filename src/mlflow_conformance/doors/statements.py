# SPDX-License-Identifier: Apache-2.0
"""One SQL statement, by whichever driver of PostgreSQL this process has: MLflow's images differ."""

import base64
from contextlib import closing
from importlib.util import find_spec
from typing import Any, cast

from pydantic import JsonValue

DRIVERS = ("psycopg", "psycopg2")
"""Modules that will do, the better one first."""


def sql(
    dsn: dict[str, str | int], query: str, parameters: list[JsonValue] | None = None
) -> JsonValue:
    """Run one statement; returns its rows as lists, with values that JSON lacks as strings.

    Raises:
        ModuleNotFoundError: there is no driver.
    """
    settings = cast(Any, {"connect_timeout": 10, "application_name": "mlflow-conformance", **dsn})
    if find_spec(DRIVERS[0]) is None:
        return _by_libpq(settings, query, parameters or None)
    import psycopg

    with psycopg.connect(**settings) as connection:
        rows = connection.execute(cast(Any, query), parameters or None).fetchall()
    return [[_plain(value) for value in row] for row in rows]


def _by_libpq(settings: Any, query: str, parameters: list[JsonValue] | None) -> JsonValue:
    import psycopg2

    with (
        closing(psycopg2.connect(**settings)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(query, parameters)
        rows = cursor.fetchall()
    return [[_plain(value) for value in row] for row in rows]


def _plain(value: object) -> JsonValue:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value - value == 0 else repr(value)
        case bytes() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case dict() | list():
            return cast(JsonValue, value)
        case _:
            return str(value)
