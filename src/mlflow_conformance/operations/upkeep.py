# SPDX-License-Identifier: Apache-2.0
"""What keeps PostgreSQL from clearing up behind itself, though VACUUM says that it is done.

A vacuum removes no row that somebody may still want to see. Who keeps a transaction open, or left
one prepared, holds all that is deleted since; a replication slot that nobody reads from holds
the log as well, until the disk is full. Source: postgresql.org/docs/15, "Routine Vacuuming".
"""

from mlflow_conformance.doors.sql import Sql

_LEFT_ALONE = """
    SELECT c.relname::text FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'm', 'p')
    AND EXISTS (SELECT 1 FROM pg_options_to_table(c.reloptions) o
                WHERE o.option_name = 'autovacuum_enabled' AND NOT o.option_value::boolean)
    ORDER BY 1
"""
# Sessions that do something are waited for by everybody anyway: a dump may take hours.
_LEFT_OPEN = """
    SELECT 'a session of ' || coalesce(usename::text, 'somebody')
           || ' that is idle in a transaction'
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
    AND state LIKE 'idle in transaction%%'
    AND clock_timestamp() - state_change >= make_interval(secs => %s)
    UNION ALL
    SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts
    WHERE database = current_database()
    AND clock_timestamp() - prepared >= make_interval(secs => %s)
    UNION ALL
    SELECT 'replication slot ' || slot_name::text || ', which nobody reads from'
    FROM pg_replication_slots WHERE NOT active
    ORDER BY 1
"""
_MAY_SEE = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'usage')"


def left_alone(sql: Sql) -> list[str]:
    """Tables that PostgreSQL is told never to vacuum by itself.

    Raises:
        InsideFailed: the database could not be asked.
    """
    return [str(name) for name in sql.column(_LEFT_ALONE)]


def left_open(sql: Sql, for_s: float) -> list[str]:
    """What holds old rows or the log and does nothing, in words.

    Args:
        for_s: for how long a transaction may be open without anything being asked in it, seconds.

    Raises:
        InsideFailed: the database could not be asked.
    """
    return [str(what) for what in sql.column(_LEFT_OPEN, for_s, for_s)]


def sees_sessions(sql: Sql) -> bool:
    """Whether this account is told what other sessions do.

    Raises:
        InsideFailed: the database could not be asked.
    """
    return bool(sql.one(_MAY_SEE))
