# SPDX-License-Identifier: Apache-2.0
"""How PostgreSQL plans searches, also for roles that have settings of their own for that."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlflow_conformance.doors.sql import Sql

# Test data is small, and a table of a few pages is read whole whatever indexes it has: with pages
# that cost what they cost when there are millions, the plan is the one of a large table.
_AS_IF_LARGE = "-c seq_page_cost=1000"
_OF_ROLES = """
    SELECT r.rolname::text, unnest(s.setconfig) FROM pg_db_role_setting s
    JOIN pg_roles r ON r.oid = s.setrole
    LEFT JOIN pg_database d ON d.oid = s.setdatabase
    WHERE r.rolcanlogin AND (s.setdatabase = 0 OR d.datname = current_database())
    ORDER BY 1, 2
"""


def as_if_large(sql: Sql) -> Mapping[str, Sql]:
    """Doors through which tables are planned for as if they were large, by whose settings hold.

    The first one, called "", has those of everybody; then come roles that have others for
    themselves: a plan is made with the settings of who asks, and this account is not who searches.

    Raises:
        InsideFailed: the database could not be asked.
    """
    options: dict[str, list[str]] = {"": []}
    for role, setting in sql.rows(_OF_ROLES):
        name, _, value = str(setting).partition("=")
        if name.startswith("enable_") or name.endswith("_cost"):
            options.setdefault(role, []).append(f"-c {name}={value}")
    return {
        role: replace(sql, dsn={**sql.dsn, "options": " ".join([*own, _AS_IF_LARGE])})
        for role, own in options.items()
    }


def indexes_of(large: Sql, query: str) -> list[str]:
    """Names of the indexes anywhere in the plan of a search.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    return sorted(set(_indexes(large.one(f"EXPLAIN (FORMAT JSON) {query}"))))


def _indexes(plan: Any) -> Iterator[str]:
    match plan:
        case dict():
            if name := plan.get("Index Name"):
                yield name
            for part in plan.values():
                yield from _indexes(part)
        case list():
            for part in plan:
                yield from _indexes(part)
