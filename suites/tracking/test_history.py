# SPDX-License-Identifier: Apache-2.0
"""Metric histories: every step, in order, with every value that a float can have."""

from typing import Any

from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.tracking.thresholds import History

_BATCH = 1000  # MLflow's own limit per request
_LARGEST = 1.7976931348623157e308


@check(
    "TRK-2",
    impact="Training curves have holes, or their points are in the wrong order.",
    remedy="Compare the rows in the table metrics with the history that the replicas give.",
    writes=("mlflow",),
)
def test_metric_history(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql_witness: Sql | None,
    experiment: str,
) -> None:
    """A long metric history keeps every step in order, and values that JSON has no number for.

    Steps:
        1. Log as many steps as the profile says in batches of 1,000; one more than 1,000 metrics
           in a batch is refused and stores nothing.
        2. Log NaN, both infinities, the smallest and the largest numbers, negative steps, and keys
           in Unicode.
        3. Every replica gives the history in order, page by page, every step once.
        4. The latest value, which the pages show and searches compare, is that of the last step:
           at every replica, and for a search by it.
        5. Where the profile names the database, SQL says the same.
    """
    run_id = new_run(front, experiment).run_id
    steps = evidence.row(History).steps
    for start in range(0, steps, _BATCH):
        metrics = [
            {"key": "loss", "value": 1 / (n + 1), "timestamp": n, "step": n}
            for n in range(start, min(start + _BATCH, steps))
        ]
        reply = front.post("runs/log-batch", run_id=run_id, metrics=metrics)
        evidence.expect(
            "batch.status", f"batch from step {start}", reply.status, "==", 200, door="front"
        )
    too_many = [{"key": "more", "value": 1.0, "timestamp": n, "step": n} for n in range(_BATCH + 1)]
    reply = front.post("runs/log-batch", run_id=run_id, metrics=too_many)
    evidence.expect(
        "batch.too-large", "batch of 1,001 metrics", [reply.status, error_of(reply)[0]],
        "==", [400, "INVALID_PARAMETER_VALUE"], door="front",
    )  # fmt: skip
    expected = [[n, 1 / (n + 1)] for n in range(steps)]
    if sql_witness:
        _expect_stored(evidence, sql_witness, run_id, expected)
    for number, replica in enumerate(replicas, 1):
        history = _history(replica, run_id, "loss")
        evidence.expect(
            "replica.steps", f"replica {number}: steps", len(history), "==", steps, door="inside"
        )
        evidence.expect(
            "replica.differences", f"replica {number}: steps that differ or are out of order",
            _differences([[int(m.get("step", 0)), m["value"]] for m in history], expected),
            "==", [], door="inside",
        )  # fmt: skip
    _latest(evidence, replicas, experiment, run_id, steps)
    _special_values(evidence, front, replicas, sql_witness, run_id)


def _expect_stored(evidence: Evidence, sql: Sql, run_id: str, expected: list[list[Any]]) -> None:
    stored = sql.rows(
        "SELECT key, step, value FROM metrics WHERE run_uuid = %s ORDER BY key, step", run_id
    )
    evidence.expect("sql.steps", "steps in SQL", len(stored), "==", len(expected), door="sql")
    evidence.expect(
        "sql.differences", "steps that differ in SQL",
        _differences([[step, value] for key, step, value in stored if key == "loss"], expected),
        "==", [], door="sql",
    )  # fmt: skip
    evidence.expect(
        "latest.sql", "latest value in SQL: step and value",
        sql.rows("SELECT step, value FROM latest_metrics WHERE run_uuid = %s AND key = 'loss'",
                 run_id),
        "==", expected[-1:], door="sql",
    )  # fmt: skip


def _latest(
    evidence: Evidence, replicas: list[MlflowApi], experiment: str, run_id: str, steps: int
) -> None:
    """What is known as the value of a metric with a long history."""
    last = [steps - 1, 1 / steps]
    for number, replica in enumerate(replicas, 1):
        run = answer("runs/get", replica.get("runs/get", run_id=run_id))["run"]
        shown = [m for m in run["data"].get("metrics", []) if m["key"] == "loss"]
        evidence.expect(
            "latest.value", f"replica {number}: latest value: step and value",
            [[int(m.get("step", 0)), m["value"]] for m in shown], "==", [last], door="inside",
        )  # fmt: skip
        found = answer(
            "runs/search",
            replica.post(
                "runs/search",
                experiment_ids=[experiment],
                # Between the last step's value and the one before it.
                filter=f"metrics.loss < {(1 / steps + 1 / (steps - 1)) / 2!r}",
            ),
        )
        evidence.expect(
            "latest.search", f"replica {number}: runs found by the latest value",
            [r["info"]["run_id"] for r in found.get("runs", [])], "==", [run_id], door="inside",
        )  # fmt: skip


def _special_values(
    evidence: Evidence, front: MlflowApi, replicas: list[MlflowApi], sql: Sql | None, run_id: str
) -> None:
    values: dict[str, tuple[Any, Any, list[Any]]] = {
        # key: what is sent, what is read, and the row: value and is_nan
        "nan": ("NaN", "NaN", [0.0, True]),
        "infinity": ("Infinity", _LARGEST, [_LARGEST, False]),
        "-infinity": ("-Infinity", -_LARGEST, [-_LARGEST, False]),
        "tiny": (5e-324, 5e-324, [5e-324, False]),
        "größe/名前": (-0.1, -0.1, [-0.1, False]),
    }
    reply = front.post(
        "runs/log-batch",
        run_id=run_id,
        metrics=[
            {"key": key, "value": sent, "timestamp": 1, "step": -5}
            for key, (sent, _, _) in values.items()
        ],
    )
    evidence.expect("special.status", "special values", reply.status, "==", 200, door="front")
    if sql:
        stored = sql.rows(
            "SELECT key, value, is_nan FROM metrics WHERE run_uuid = %s AND step = -5", run_id
        )
        evidence.expect(
            "special.sql", "special values in SQL", {key: row for key, *row in stored},
            "==", {key: row for key, (_, _, row) in values.items()}, door="sql",
        )  # fmt: skip
    for number, replica in enumerate(replicas, 1):
        read = {
            key: history[0]["value"] if (history := _history(replica, run_id, key)) else None
            for key in values
        }
        evidence.expect(
            "special.replica",
            f"replica {number}: special values",
            {k: "infinite" if v in ("Infinity", "-Infinity") else v for k, v in read.items()},
            "in",
            [
                {k: seen for k, (_, seen, _) in values.items()},
                {k: "infinite" if "infinity" in k else seen for k, (_, seen, _) in values.items()},
            ],
            door="inside",
        )


def _history(api: MlflowApi, run_id: str, key: str) -> list[dict[str, Any]]:
    """A whole history, page by page."""
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        page = answer(
            "metrics/get-history",
            api.get(
                "metrics/get-history",
                run_id=run_id, metric_key=key, max_results=2500, page_token=token,
            ),
        )  # fmt: skip
        found += page.get("metrics", [])
        token = page.get("next_page_token", "")
        if not token:
            return found


def _differences(seen: list[list[Any]], expected: list[list[Any]]) -> list[Any]:
    """The first places where two sequences differ, for a person to look at."""
    wrong: list[Any] = [[s, e] for s, e in zip(seen, expected, strict=False) if s != e]
    if len(seen) != len(expected):
        wrong.append(f"{len(seen)} of {len(expected)} there")
    return wrong[:5]
