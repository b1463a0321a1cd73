# SPDX-License-Identifier: Apache-2.0
"""Connections to PostgreSQL that MLflow keeps open and does not use."""

from collections.abc import Collection

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.sql import Sql

_SESSIONS = (
    "SELECT coalesce(usename::text, ''), coalesce(host(client_addr), ''), coalesce(state, ''), "
    "coalesce(query = '<insufficient privilege>', false) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_OWNER = (
    "SELECT tableowner::text FROM pg_tables "
    "WHERE schemaname = current_schema() AND tablename = 'runs'"
)


def idle(sql: Sql, addresses: Collection[str]) -> int:
    """Connections that wait for a statement, of the roles that MLflow uses, from wherever they are.

    Its roles are the owner of its tables, and whoever is connected from one of its pods.

    Args:
        addresses: of MLflow's pods.

    Raises:
        Undecided: the account may not see what other accounts do.
        InsideFailed: PostgreSQL could not be asked.
    """
    sessions = sql.rows(_SESSIONS)
    if any(hidden for *_, hidden in sessions):
        raise Undecided(
            "the auditor may not see other accounts' connections: grant it pg_read_all_stats"
        )
    roles = {role for role, address, *_ in sessions if address in addresses}
    roles |= set(sql.column(_OWNER))
    return sum(role in roles and state.startswith("idle") for role, _, state, _ in sessions)
