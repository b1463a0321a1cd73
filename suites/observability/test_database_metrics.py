# SPDX-License-Identifier: Apache-2.0
"""OBS-6: metrics of the database, held against what it says itself."""

from concurrent.futures import ThreadPoolExecutor

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.exposition import total
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import Inside, InsideSender
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.observability.thresholds import DatabaseMetrics
from mlflow_conformance.target.base import Target

_CONNECTIONS = "SELECT sum(numbackends)::int FROM pg_stat_database"
# Drivers send what is asked with or without its parameters; this statement itself begins otherwise.
_HELD = r"SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep\('"


@check(
    "OBS-6",
    impact="Nobody sees that PostgreSQL is down or out of connections before MLflow answers 503.",
    remedy="Run an exporter beside PostgreSQL by a role that may read its statistics (pg_monitor), "
    "and name its port in the Service.",
    writes=("runner",),
)
def test_metrics_of_the_database(
    evidence: Evidence, target: Target, inside: Inside, sql: Sql, waiter: Waiter
) -> None:
    """The metrics of the database and its connections are what the database says itself.

    Preconditions: SQL answers; the profile names the port of the metrics.
    Steps: read the metrics between two counts of the connections by SQL; hold some more
    connections open, and do so again.
    Expected: the database is up; its limit is the configured one; the connections lie between the
    two counts, give or take the profile's tolerance, and rise by those that were held.
    """
    names = target.names.postgresql
    if names is None or names.metrics_port is None:
        evidence.undecided("the profile names no port of PostgreSQL's metrics")
    url = f"http://{names.address(target.names.namespace)}:{names.metrics_port}/metrics"
    row = evidence.row(DatabaseMetrics)

    def observe(when: str) -> float:
        """Hold the metrics against SQL; the connections that they tell."""
        before = sql.one(_CONNECTIONS)
        try:
            reply = InsideSender(inside)(
                "GET", url, headers={}, body=None, timeout_s=waiter.seconds("api reply")
            )
        except NoReply as lost:
            evidence.expect(
                "reply", f"{when}: metrics", lost.failure, "==", "a reply", door="inside"
            )
            return 0
        after = sql.one(_CONNECTIONS)
        text = reply.body.decode("utf-8", "replace") if reply.status == 200 else ""
        seen = {what: total(text, name) for what, name in row.series.model_dump().items()}
        evidence.note(f"{when}: metrics", seen, door="inside")
        evidence.note(f"{when}: connections by SQL", [before, after], door="sql")
        evidence.expect("up", f"{when}: up", seen["up"], "==", 1, door="inside")
        evidence.expect(
            "connections.limit", f"{when}: limit", seen["maximum"],
            "==", float(sql.one("SHOW max_connections")), door="inside",
        )  # fmt: skip
        told = seen["connections"]
        if evidence.expect(
            "connections.told", f"{when}: connections are told", told is not None, "==", True
        ):
            far = max(min(before, after) - (told or 0), (told or 0) - max(before, after), 0)
            evidence.expect(
                "connections.away",
                f"{when}: connections away from SQL's",
                far,
                "<=",
                row.tolerance,
                door="inside",
            )
        return told or 0

    idle = observe("at rest")
    with ThreadPoolExecutor(row.connections) as pool:
        sleeps = [
            pool.submit(sql.rows, "SELECT pg_sleep(%s)", row.hold_s) for _ in range(row.connections)
        ]
        waiter.until(
            f"open: {row.connections} connections",
            lambda: int(sql.one(_HELD)),
            done=lambda count: count >= row.connections,
            timeout="api reply",
            interval_s=0.1,
        )
        busy = observe("with more connections")
        for sleep in sleeps:
            sleep.result()
    evidence.expect(
        "connections.rise", "rise", busy - idle, ">=", row.connections - row.tolerance,
        door="inside",
    )  # fmt: skip
