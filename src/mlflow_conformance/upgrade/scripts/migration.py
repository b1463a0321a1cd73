# SPDX-License-Identifier: Apache-2.0
"""Migrates a database as `mlflow db upgrade` does, and tells what it did to it.

The address is that of ``MLFLOW_BACKEND_STORE_URI``. Prints ``seconds`` and ``statements``: each
statement that writes, with what it binds left out, how often it was executed, how many rows it met,
and, of one that deletes rows, the values that it bound.
"""

import json
import os
import re
import time
from typing import Any

import sqlalchemy
from mlflow.cli import cli
from sqlalchemy import event
from sqlalchemy.engine import Engine

_READS = ("SELECT", "SHOW", "SET", "BEGIN", "COMMIT", "ROLLBACK", "EXPLAIN", "SAVEPOINT", "RELEASE")
_BOUND = re.compile(r"%\([^)]*\)s(::[A-Za-z]+( [A-Za-z]+)*(\([0-9]+\))?)?|%s")
_LIST = re.compile(r"\(\?(, ?\?)+\)")
_MOST = 500_000
_STATEMENTS: dict[str, dict[str, Any]] = {}


def _plain(parameters: Any) -> list[Any]:
    if isinstance(parameters, dict):
        return list(parameters.values())
    if isinstance(parameters, (list, tuple)):
        return [value for each in parameters for value in _plain(each)]
    return [parameters]


@event.listens_for(Engine, "after_cursor_execute")
def _record(_connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
    text = " ".join(statement.split())
    if text.split(" ", 1)[0].upper() in _READS:
        return
    text = _LIST.sub("(?)", _BOUND.sub("?", text))
    known = _STATEMENTS.setdefault(text, {"times": 0, "rows": 0, "values": set()})
    known["times"] += 1
    known["rows"] += max(cursor.rowcount, 0)
    if text.upper().startswith("DELETE") and len(known["values"]) < _MOST:
        known["values"].update(str(value) for value in _plain(parameters) if value is not None)


_URI = os.environ["MLFLOW_BACKEND_STORE_URI"]
_BEGAN = time.monotonic()
cli.main(["db", "upgrade", _URI], standalone_mode=False)
_ENGINE = sqlalchemy.create_engine(_URI)
if sqlalchemy.inspect(_ENGINE).has_table("alembic_version_auth"):
    from mlflow.server.auth.db.utils import migrate

    migrate(_ENGINE, "head")
_TOLD = [
    {"sql": text, **known, "values": sorted(known["values"])} for text, known in _STATEMENTS.items()
]
print(json.dumps({"seconds": round(time.monotonic() - _BEGAN, 3), "statements": _TOLD}))
