# SPDX-License-Identifier: Apache-2.0
"""What must be there of acknowledged writes after an upgrade, read back by every door."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from mlflow_conformance.doors.mlflow import MlflowApi, answer
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.invariants import check_set
from mlflow_conformance.ledger.readback import metric_history, read_back
from mlflow_conformance.ledger.writers import value_of
from mlflow_conformance.ledger.writes_kept import WritesKept, shown_by
from mlflow_conformance.upgrade.clients import METRIC, Clients
from mlflow_conformance.upgrade.traces import SEARCHES, Kind, Traces

_METRICS = "SELECT step, value FROM metrics WHERE run_uuid = %s AND key = %s"
_TRACES = "SELECT request_id FROM trace_info WHERE request_id = ANY(%s)"
_Turns = Mapping[str, int]


def runs_and_models_kept(
    operations: Sequence[Operation], clients: Clients, api: MlflowApi, sql: Sql, bucket: Bucket
) -> list[WritesKept]:
    """What every door shows of all writes but traces; call it when the server is well again.

    Raises:
        Undecided: MLflow does not know the name that `api` calls it by.
    """
    store = clients.writers.store.run_id

    def stored() -> list[tuple[int, float]]:
        return [(step, value) for step, value in sql.rows(_METRICS, store, METRIC)]

    return [
        *read_back(operations, clients.writers, api, sql, bucket),
        shown_by("sql", "metric", lambda: judge_singles("sql", operations, stored())),
        shown_by(
            "mlflow", "metric",
            lambda: judge_singles("mlflow", operations, metric_history(api, store, METRIC)),
        ),
    ]  # fmt: skip


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

    Raises:
        Undecided: MLflow does not know the name that `api` calls it by.
    """
    kept = []
    for kind, searches in SEARCHES.items():
        turns = {int(str(o.value)) + 1 for o in operations if o.kind == kind}
        by_id = {traces.trace_id(kind, turn): turn - 1 for turn in turns}

        def held(
            door: str, ids: Callable[[], Iterable[str]], kind: Kind = kind, own: _Turns = by_id
        ) -> WritesKept:
            def look() -> WritesKept:
                there = [own[i] for i in ids() if i in own]
                return judge_traces(door, kind, operations, there)

            return shown_by(door, kind, look)

        kept.append(held("sql", partial(sql.column, _TRACES, list(by_id))))
        kept += [held(f"mlflow by {by}", partial(traces.found, api, by)) for by in searches]
        if kind == "span":
            kept.append(held("mlflow, opened", partial(_opened, api, by_id)))
    return kept


def judge_traces(
    door: str, kind: Kind, operations: Sequence[Operation], present: Sequence[int]
) -> WritesKept:
    """Hold the traces that a door shows, by their turns, against the ledger."""
    mine = [o for o in operations if o.kind == kind]
    return WritesKept(door, kind, check_set(mine, list(present)), [], [])


def _opened(api: MlflowApi, turns: _Turns) -> list[str]:
    """The IDs of those that are shown with both of their spans."""
    return [trace_id for trace_id, turn in turns.items() if _opens(api, trace_id, turn)]


def _opens(api: MlflowApi, trace_id: str, turn: int) -> bool:
    reply = api.request("GET", f"/api/3.0/mlflow/traces/get?trace_id={trace_id}")
    if reply.status == 404:
        return False
    spans: Any = answer("traces/get", reply).get("trace", {}).get("spans", [])
    return len(spans) == 2 and f"step {turn + 1}" in {span.get("name") for span in spans}
