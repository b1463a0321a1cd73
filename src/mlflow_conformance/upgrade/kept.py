# SPDX-License-Identifier: Apache-2.0
"""What must be there of acknowledged writes after an upgrade, read back by every door."""

from collections.abc import Sequence
from typing import Any

from mlflow_conformance.doors.mlflow import ApiError, MlflowApi
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.invariants import check_set
from mlflow_conformance.ledger.readback import WritesKept, metric_history, read_back
from mlflow_conformance.ledger.writers import value_of
from mlflow_conformance.upgrade.clients import METRIC, Clients
from mlflow_conformance.upgrade.traces import SEARCHES, Kind, Traces

_SHOWN = 200
_METRICS = "SELECT step, value FROM metrics WHERE run_uuid = %s AND key = %s"
_TRACES = "SELECT request_id FROM trace_info WHERE request_id = ANY(%s)"


def runs_and_models_kept(
    operations: Sequence[Operation], clients: Clients, api: MlflowApi, sql: Sql, bucket: Bucket
) -> list[WritesKept]:
    """What every door shows of all writes but traces; call it when the server is well again.

    What MLflow refuses to show is broken, and the other doors are not asked then.

    Raises:
        NoReply: MLflow did not answer.
        InsideFailed: SQL or the bucket could not be read.
    """
    store = clients.writers.store.run_id
    stored = [(step, value) for step, value in sql.rows(_METRICS, store, METRIC)]
    try:
        return [
            *read_back(operations, clients.writers, api, sql, bucket),
            judge_singles("sql", operations, stored),
            judge_singles("mlflow", operations, metric_history(api, store, METRIC)),
        ]
    except ApiError as problem:
        return [not_shown("mlflow", "metric", operations, problem)]


def not_shown(
    door: str, kind: str, operations: Sequence[Operation], problem: ApiError
) -> WritesKept:
    """Writes that a door refuses to show."""
    mine = [o for o in operations if o.kind == kind]
    told = " ".join(str(problem).split())[:_SHOWN]
    return WritesKept(door, kind, check_set(mine, []), [], [], told)


def judge_singles(
    door: str, operations: Sequence[Operation], points: Sequence[tuple[int, float]]
) -> WritesKept:
    """Hold the metrics that were written one by one, as a door shows them, against the ledger."""
    mine = [o for o in operations if o.kind == "metric"]
    wrong = [f"step {step}: {value}" for step, value in points if value != value_of(step)]
    return WritesKept(door, "metric", check_set(mine, [step for step, _ in points]), [], wrong)


def traces_kept(
    operations: Sequence[Operation], traces: Traces, api: MlflowApi, sql: Sql
) -> list[WritesKept]:
    """What the database holds of traces, and which of them are found by what, and opened.

    A search that is refused is broken: what was acknowledged is not shown.

    Raises:
        NoReply: a search got no complete reply.
        InsideFailed: SQL could not be read.
    """
    kept = []
    for kind, searches in SEARCHES.items():
        turns = {int(str(o.value)) + 1 for o in operations if o.kind == kind}
        by_id = {traces.trace_id(kind, turn): turn - 1 for turn in turns}
        stored = sql.column(_TRACES, list(by_id))
        kept.append(judge_traces("sql", kind, operations, [by_id[i] for i in stored]))
        for by in searches:
            door = f"mlflow by {by}"
            try:
                found = [by_id[i] for i in traces.found(api, by) if i in by_id]
            except ApiError as problem:
                kept.append(not_shown(door, kind, operations, problem))
            else:
                kept.append(judge_traces(door, kind, operations, found))
        if kind == "span":
            opened = [turn for i, turn in by_id.items() if _opens(api, i, turn)]
            kept.append(judge_traces("mlflow, opened", kind, operations, opened))
    return kept


def judge_traces(
    door: str, kind: Kind, operations: Sequence[Operation], present: Sequence[int]
) -> WritesKept:
    """Hold the traces that a door shows, by their turns, against the ledger."""
    mine = [o for o in operations if o.kind == kind]
    return WritesKept(door, kind, check_set(mine, list(present)), [], [])


def _opens(api: MlflowApi, trace_id: str, turn: int) -> bool:
    """Whether a trace is shown with both of its spans."""
    reply = api.request("GET", f"/api/3.0/mlflow/traces/get?trace_id={trace_id}")
    if reply.status != 200:
        return False
    shown: Any = reply.json()
    spans = shown.get("trace", {}).get("spans", [])
    return len(spans) == 2 and f"step {turn + 1}" in {span.get("name") for span in spans}
