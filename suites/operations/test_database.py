# SPDX-License-Identifier: Apache-2.0
"""OPS: the upkeep of the database."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from mlflow_conformance.cluster.terminal import GOOD, Terminal
from mlflow_conformance.config.guides import Guide
from mlflow_conformance.doors.mlflow import MlflowApi, answer
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.operations.thresholds import Indexes, Upkeep

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
_DRAWS = 3
"""How many values each search is planned for."""
# Test data is small, and a table of a few pages is read whole whatever indexes it has: with pages
# that cost what they cost when there are millions, the plan is the one of a large table.
_AS_IF_LARGE = "-c seq_page_cost=1000"


@check(
    "OPS-2",
    impact="The database grows and slows down, and nobody sees how large it is.",
    remedy="Run the commands by hand; see that MLflow's role owns its tables and that PostgreSQL "
    "counts (track_counts).",
    disruptive=True,
    writes=("database",),
)
def test_upkeep_by_the_guides_commands(
    evidence: Evidence, sql: Sql, guide: Guide, prompt: Terminal
) -> None:
    """The guide's commands tell the database's size, and vacuum and analyze every table.

    Preconditions: a way to read the database by SQL.
    Steps: run the guide's psql lines; read by SQL when each table was vacuumed and analyzed.
    Expected: each line shows what commands.yaml says; no table is left out; autovacuum is on.
    """
    within_s = evidence.row(Upkeep).within_s
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
    evidence.note(
        "size", sql.one("SELECT pg_database_size(current_database())"), unit="B", door="sql"
    )


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
    search as if its table were large, for values that are drawn anew.
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
    large = replace(sql, dsn={**sql.dsn, "options": _AS_IF_LARGE})
    for name, search in row.searches.items():
        plans = [
            large.one(f"EXPLAIN (FORMAT JSON) {_filled(search.query, experiment, rng)}")
            for _ in range(_DRAWS)
        ]
        used = [sorted(set(_indexes(plan))) for plan in plans]
        evidence.note(f"{name}: indexes of the plans", used, door="sql")
        evidence.expect(
            "search.index", f"{name}: uses one of {', '.join(search.served_by)}",
            all(set(of_plan) & set(search.served_by) for of_plan in used), "==", True, door="sql",
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


def _indexes(plan: Any) -> Iterator[str]:
    """Names of the indexes anywhere in a plan."""
    match plan:
        case dict():
            if name := plan.get("Index Name"):
                yield name
            for part in plan.values():
                yield from _indexes(part)
        case list():
            for part in plan:
                yield from _indexes(part)
