# SPDX-License-Identifier: Apache-2.0
"""OPS: the upkeep of the database."""

from random import Random

from mlflow_conformance.cluster.terminal import GOOD, Terminal
from mlflow_conformance.config.guides import Guide
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, answer
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.operations.planning import as_if_large, indexes_of
from mlflow_conformance.operations.thresholds import Indexes, Upkeep
from mlflow_conformance.operations.upkeep import left_alone, left_open, sees_sessions

_NOT_TENDED = """
    SELECT relname FROM pg_stat_user_tables
    WHERE schemaname = 'public'
    AND NOT (coalesce(last_vacuum >= %s::timestamptz, false)
             AND coalesce(last_analyze >= %s::timestamptz, false))
    ORDER BY relname
"""
_VALID_INDEXES = """
    SELECT c.relname FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND i.indisvalid AND i.indisready
"""
_PARTIAL_INDEXES = """
    SELECT c.relname FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND i.indpred IS NOT NULL
"""
_BRIEF_S = 1.0
"""So long a session may be idle between two statements of one transaction and be of no interest."""
_DRAWS = 3
"""How many values each search is planned for."""


@check(
    "OPS-2",
    impact="The database grows and slows down, and nobody sees how large it is.",
    remedy="Run the commands by hand; see that MLflow's role owns its tables and that PostgreSQL "
    "counts (track_counts); end the sessions that are named, and drop slots that nobody reads.",
    disruptive=True,
    writes=("database",),
)
def test_upkeep_by_the_guides_commands(
    evidence: Evidence, sql: Sql, guide: Guide, prompt: Terminal, waiter: Waiter
) -> None:
    """The guide's commands tell the database's size, and vacuum and analyze every table.

    Preconditions: a way to read the database by SQL.
    Steps: run the guide's psql lines; read by SQL when each table was vacuumed and analyzed, and
    what keeps rows that were deleted.
    Expected: each line shows what commands.yaml says; no table is left out; autovacuum is on, for
    every table; nothing holds old rows that does nothing for longer than the profile says.
    """
    row = evidence.row(Upkeep)
    within_s = row.within_s
    before = sql.one("SELECT clock_timestamp()::text")
    for name, command in guide.run_by(evidence.id).items():
        said = prompt.judged(command, within_s=within_s, watch_s=within_s)
        evidence.expect("command", f"{name}: {command.guide}", said, "==", GOOD, door="kubernetes")
    evidence.expect(
        "tables.untended", "tables that were not vacuumed and analyzed",
        sql.column(_NOT_TENDED, before, before), "==", [], door="sql",
    )  # fmt: skip
    if not sql.one("SELECT count(*) FROM pg_stat_user_tables WHERE schemaname = 'public'"):
        evidence.undecided("the schema public has no table, so none was seen to be tended")
    settings = {
        name: sql.one("SELECT current_setting(%s)", name) for name in ("autovacuum", "track_counts")
    }
    evidence.expect(
        "autovacuum", "settings of autovacuum", settings,
        "==", {"autovacuum": "on", "track_counts": "on"}, door="sql",
    )  # fmt: skip
    evidence.expect(
        "tables.left-alone", "tables that PostgreSQL is told not to vacuum by itself",
        left_alone(sql), "==", [], door="sql",
    )  # fmt: skip
    evidence.note(
        "size", sql.one("SELECT pg_database_size(current_database())"), unit="B", door="sql"
    )
    if not sees_sessions(sql):
        evidence.undecided("this account may not see what sessions do: grant it pg_read_all_stats")
    # One that is found open may end, or become one that was left open.
    _, held = waiter.last_seen(
        f"over, or {row.idle_s:g} s old: transactions in which nothing is asked",
        lambda: (left_open(sql, _BRIEF_S), left_open(sql, row.idle_s)),
        done=lambda seen: seen[0] == seen[1],
        timeout="transactions over",
        interval_s=1,
    )
    evidence.expect("held", "what holds old rows, and does nothing", held, "==", [], door="sql")


@check(
    "OPS-3",
    impact="Searches read whole tables, and get slower with every run that is logged.",
    remedy="Run the migration Job again, which makes the indexes; see why PostgreSQL does not use "
    "the one that is named with EXPLAIN.",
    writes=("mlflow",),
)
def test_indexes_are_used(
    evidence: Evidence, sql: Sql, front: MlflowApi, experiment: str, rng: Random
) -> None:
    """The promised indexes exist, are valid, and serve the searches that they are for.

    Preconditions: a way to read the database by SQL.
    Steps: log runs, for no index serves an empty table; list the valid indexes; EXPLAIN each
    search as if its table were large, for values that are drawn anew, and again with the settings
    of each role that has some of its own for planning.
    Expected: every promised index is there, for all rows of its table, and each search's plan has
    one of those named for it.
    """
    row = evidence.row(Indexes)
    for _ in range(row.runs):
        _log(front, experiment, row.rows_per_run)
    there = set(sql.column(_VALID_INDEXES))
    evidence.expect(
        "indexes.missing", "promised indexes that are missing or not valid",
        sorted(set(row.indexes) - there), "==", [], door="sql",
    )  # fmt: skip
    partial = set(sql.column(_PARTIAL_INDEXES))
    evidence.expect(
        "indexes.partial", "promised indexes that leave rows out",
        sorted(partial & set(row.indexes)), "==", [], door="sql",
    )  # fmt: skip
    for role, large in as_if_large(sql).items():
        whose = f", with the settings of role {role}" if role else ""
        for name, search in row.searches.items():
            used = [
                indexes_of(large, _filled(search.query, experiment, rng)) for _ in range(_DRAWS)
            ]
            evidence.note(f"{name}: indexes of the plans{whose}", used, door="sql")
            evidence.expect(
                "search.index", f"{name}: uses one of {', '.join(search.served_by)}{whose}",
                all(set(of_plan) & set(search.served_by) for of_plan in used), "==", True,
                door="sql",
            )  # fmt: skip


def _filled(query: str, experiment: str, rng: Random) -> str:
    """A search for values that no index can have been made for."""
    values = {name: f"{rng.getrandbits(128):032x}" for name in ("run", "key", "value")}
    return query.format(experiment=experiment, **values)


def _log(api: MlflowApi, experiment: str, rows: int) -> None:
    """A run with so many metrics and params."""
    made = answer("runs/create", api.post("runs/create", experiment_id=experiment))
    info = made["run"]["info"]
    keys = [f"conformance-{number}" for number in range(rows)]
    metrics = [{"key": k, "value": 1, "timestamp": info["start_time"], "step": 0} for k in keys]
    params = [{"key": k, "value": "1"} for k in keys]
    answer(
        "runs/log-batch",
        api.post("runs/log-batch", run_id=info["run_id"], metrics=metrics, params=params),
    )
