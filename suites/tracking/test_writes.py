# SPDX-License-Identifier: Apache-2.0
"""What clients write is what the database holds and what every replica says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique

if TYPE_CHECKING:
    from mlflow import MlflowClient


def _pairs(items: Sequence[dict[str, Any]], value: str = "value") -> dict[str, Any]:
    return {item["key"]: item[value] for item in items}


@check(
    "TRK-1",
    impact="What people log is lost or altered, and nobody notices until it is needed.",
    remedy="Compare the observations that differ with the server's log of that time, and look for "
    "a proxy, a cache or a second database between the replicas.",
)
def test_client_writes(
    evidence: Evidence,
    mlflow_client: "MlflowClient",
    sql: Sql,
    replicas: list[MlflowApi],
    unique: Unique,
    belongings: Belongings,
) -> None:
    """What the MLflow client writes is in PostgreSQL and is read from every replica.

    Steps:
        1. Through the front door, with MLflow's own client: an experiment with a tag, a run with
           params, metrics of several steps, tags, a dataset and a trace.
        2. Read every row by SQL, with an account of its own.
        3. Read the same through each replica by itself, from the runner, without MLflow's client.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    name = unique("experiment")
    experiment = belongings.experiment(
        mlflow_client.create_experiment(name, tags={"purpose": "conformance"})
    )
    params = {"learning_rate": "0.1", "größe/名": "ä ☃ 🚀", "empty": ""}
    metrics = {"loss": [0.5, 0.25, 1e-300], "accuracy": [1.0]}
    tags = {"team": "ml ops", "unicode": "日本語"}
    run = mlflow_client.create_run(experiment, run_name="written", tags=tags).info.run_id
    for key, value in params.items():
        mlflow_client.log_param(run, key, value)
    for key, values in metrics.items():
        for step, number in enumerate(values):
            mlflow_client.log_metric(run, key, number, step=step)
    dataset = Dataset(
        name="iris", digest="d1g35t", source_type="local", source="{}", schema="{}", profile="{}"
    )
    mlflow_client.log_inputs(
        run, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
    )
    mlflow_client.set_terminated(run, "FINISHED")
    trace = mlflow_client.start_trace("traced", inputs={"x": 1}, experiment_id=experiment)
    mlflow_client.end_trace(trace.trace_id, outputs={"y": 2})

    evidence.expect(
        "sql.experiment", "experiment row",
        sql.rows(
            "SELECT name, lifecycle_stage FROM experiments WHERE experiment_id = %s",
            int(experiment),
        ),
        "==", [[name, "active"]], door="sql",
    )  # fmt: skip
    evidence.expect(
        "sql.experiment-tags", "experiment tags in SQL",
        dict(
            sql.rows(
                "SELECT key, value FROM experiment_tags WHERE experiment_id = %s", int(experiment)
            )
        ),
        "==", {"purpose": "conformance"}, door="sql",
    )  # fmt: skip
    evidence.expect(
        "sql.run", "run row",
        sql.rows("SELECT name, status, lifecycle_stage FROM runs WHERE run_uuid = %s", run),
        "==", [["written", "FINISHED", "active"]], door="sql",
    )  # fmt: skip
    evidence.expect(
        "sql.params", "params in SQL",
        dict(sql.rows("SELECT key, value FROM params WHERE run_uuid = %s", run)),
        "==", params, door="sql",
    )  # fmt: skip
    evidence.expect(
        "sql.metrics", "metrics in SQL",
        sql.rows(
            "SELECT key, step, value FROM metrics WHERE run_uuid = %s ORDER BY key, step", run
        ),
        "==", [[k, step, v] for k in sorted(metrics) for step, v in enumerate(metrics[k])],
        door="sql",
    )  # fmt: skip
    stored = dict(sql.rows("SELECT key, value FROM tags WHERE run_uuid = %s", run))
    evidence.expect(
        "sql.tags", "tags in SQL", {k: stored.get(k) for k in tags}, "==", tags, door="sql"
    )
    evidence.expect(
        "sql.datasets", "datasets in SQL",
        sql.rows(
            "SELECT d.name, d.digest, t.value FROM inputs i "
            "JOIN datasets d ON d.dataset_uuid = i.source_id "
            "JOIN input_tags t ON t.input_uuid = i.input_uuid "
            "WHERE i.destination_id = %s",
            run,
        ),
        "==", [["iris", "d1g35t", "training"]], door="sql",
    )  # fmt: skip
    evidence.expect(
        "sql.traces", "traces in SQL",
        sql.rows(
            "SELECT request_id, status FROM trace_info WHERE experiment_id = %s", int(experiment)
        ),
        "==", [[trace.trace_id, "OK"]], door="sql",
    )  # fmt: skip
    evidence.expect(
        "sql.spans", "spans in SQL",
        sql.column("SELECT name FROM spans WHERE trace_id = %s", trace.trace_id),
        "==", ["traced"], door="sql",
    )  # fmt: skip
    for number, replica in enumerate(replicas, 1):
        reply = replica.get("runs/get", run_id=run)
        where = f"replica {number}"
        if not evidence.expect(
            "replica.run", f"{where}: runs/get", reply.status, "==", 200, door="inside"
        ):
            continue
        data = answer("runs/get", reply)["run"]
        evidence.expect(
            "replica.params",
            f"{where}: params",
            _pairs(data["data"].get("params", [])),
            "==",
            params,
            door="inside",
        )
        evidence.expect(
            "replica.metrics", f"{where}: latest metrics",
            _pairs(data["data"].get("metrics", [])),
            "==", {k: v[-1] for k, v in metrics.items()}, door="inside",
        )  # fmt: skip
        read = _pairs(data["data"].get("tags", []))
        evidence.expect(
            "replica.tags",
            f"{where}: tags",
            {k: read.get(k) for k in tags},
            "==",
            tags,
            door="inside",
        )
        evidence.expect(
            "replica.datasets", f"{where}: datasets",
            [i["dataset"]["name"] for i in data.get("inputs", {}).get("dataset_inputs", [])],
            "==", ["iris"], door="inside",
        )  # fmt: skip
        found = replica.request("GET", f"/api/3.0/mlflow/traces/{trace.trace_id}")
        evidence.expect("replica.trace", f"{where}: trace", found.status, "==", 200, door="inside")
        evidence.expect(
            "replica.trace-state", f"{where}: trace's state",
            found.json().get("trace", {}).get("trace_info", {}).get("state")  # type: ignore[union-attr]
            if found.status == 200
            else error_of(found)[0],
            "==", "OK", door="inside",
        )  # fmt: skip


@check(
    "TRK-3",
    impact="The parameters of a finished run can change, so results cannot be reproduced.",
    remedy="Look for a server or proxy that rewrites params, and for a missing primary key on the "
    "table params.",
)
def test_param_is_immutable(
    evidence: Evidence,
    front: MlflowApi,
    sql: Sql,
    replicas: list[MlflowApi],
    experiment: str,
) -> None:
    """A param accepts its own value again and refuses any other, which changes nothing.

    Steps:
        1. Log a param; log the same value again, through the front door and at a replica.
        2. Log other values: at every replica, alone and in a batch with a new param.
        3. The stored row and what every replica reads are still the first value.
    """
    run_id = new_run(front, experiment).run_id

    def log(api: MlflowApi, value: str) -> tuple[int, str]:
        reply = api.post("runs/log-parameter", run_id=run_id, key="depth", value=value)
        return reply.status, error_of(reply)[0] if reply.status != 200 else ""

    evidence.expect("first-value", "first value", log(front, "3")[0], "==", 200, door="front")
    evidence.expect("same-value", "same value again", log(front, "3")[0], "==", 200, door="front")
    for number, replica in enumerate(replicas, 1):
        where = f"replica {number}"
        evidence.expect(
            "same-value", f"{where}: same value", log(replica, "3")[0], "==", 200, door="inside"
        )
        for value in ("4", "03", "", "3 "):
            evidence.expect(
                "other-value", f"{where}: other value {value!r}",
                list(log(replica, value)),
                "==", [400, "INVALID_PARAMETER_VALUE"], door="inside",
            )  # fmt: skip
    batch = front.post(
        "runs/log-batch",
        run_id=run_id,
        params=[{"key": "new", "value": "1"}, {"key": "depth", "value": "5"}],
    )
    evidence.expect(
        "batch.other-value", "other value in a batch", batch.status, "==", 400, door="front"
    )
    evidence.expect(
        "sql.value", "stored value",
        sql.rows("SELECT value FROM params WHERE run_uuid = %s AND key = 'depth'", run_id),
        "==", [["3"]], door="sql",
    )  # fmt: skip
    evidence.expect(
        "sql.batch-params", "params that the refused batch left",
        sql.column("SELECT key FROM params WHERE run_uuid = %s AND key <> 'depth'", run_id),
        "==", [], door="sql",
    )  # fmt: skip
    for number, replica in enumerate(replicas, 1):
        reply = replica.get("runs/get", run_id=run_id)
        evidence.expect(
            "replica.value", f"replica {number}: value read",
            answer("runs/get", reply)["run"]["data"].get("params", []),
            "==", [{"key": "depth", "value": "3"}], door="inside",
        )  # fmt: skip
