# SPDX-License-Identifier: Apache-2.0
"""What clients write is what every replica says and the database holds, field by field."""

from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Any

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi, answer, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.evidence.model import Door
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.tracking.answered import (
    answered_history,
    answered_run,
    answered_trace,
    pairs,
)
from mlflow_conformance.tracking.stored import stored_history, stored_run, stored_trace
from mlflow_conformance.tracking.thresholds import Lengths
from mlflow_conformance.tracking.written import Written, write

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PURPOSE = {"purpose": "conformance", "größe": "ä ☃", "empty": ""}


@dataclass(frozen=True)
class _Reader:
    """Who reads what was written, and by which door."""

    where: str
    door: Door
    api: MlflowApi


def _readers(front: MlflowApi, replicas: list[MlflowApi]) -> list[_Reader]:
    """The front door, behind which a cache may stand, and every replica."""
    return [
        _Reader("front door", "front", front),
        *(_Reader(f"replica {n}", "inside", api) for n, api in enumerate(replicas, 1)),
    ]


@check(
    "TRK-1",
    impact="What people log is lost or altered, and nobody notices until it is needed.",
    remedy="Compare the observations that differ with the server's log of that time, and look for "
    "a proxy, a cache or a second database between the replicas.",
    writes=("mlflow",),
)
def test_client_writes(
    evidence: Evidence,
    mlflow_client: "MlflowClient",
    front: MlflowApi,
    sql_witness: Sql | None,
    replicas: list[MlflowApi],
    unique: Unique,
    belongings: Belongings,
) -> None:
    """What the MLflow client writes comes back whole from the front door and every replica.

    Steps:
        1. Through the front door, with MLflow's own client: an experiment with tags; a run with
           params, metrics of several steps, tags, a dataset, its times and status; a trace with a
           span in another one, attributes, an event, tags and assessments.
        2. Where the profile names the database, read every field of it by SQL, with an account of
           its own.
        3. Read the same through the front door, and through each replica by itself from the runner,
           without MLflow's client: by its ID, and by a search.
    """
    name = unique("experiment")
    experiment = belongings.experiment(mlflow_client.create_experiment(name, tags=_PURPOSE))
    written = write(mlflow_client, experiment)
    if sql_witness:
        _expect_stored(evidence, sql_witness, name, experiment, written)
    for reader in _readers(front, replicas):
        _expect_answered(evidence, reader, name, experiment, written)


def _expect_stored(
    evidence: Evidence, sql: Sql, name: str, experiment: str, written: Written
) -> None:
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
        "==", _PURPOSE, door="sql",
    )  # fmt: skip
    run = stored_run(sql, written.run_id)
    evidence.expect("sql.run", "run row", run.info, "==", written.run.info, door="sql")
    evidence.expect("sql.params", "params in SQL", run.params, "==", written.run.params, door="sql")
    evidence.expect(
        "sql.metrics", "metrics in SQL", stored_history(sql, written.run_id), "==", written.history,
        door="sql",
    )  # fmt: skip
    evidence.expect(
        "sql.latest", "latest metrics in SQL", run.latest, "==", written.run.latest, door="sql"
    )
    evidence.expect("sql.tags", "tags in SQL", run.tags, "==", written.run.tags, door="sql")
    evidence.expect(
        "sql.datasets", "datasets in SQL", run.datasets, "==", written.run.datasets, door="sql"
    )
    trace = stored_trace(sql, written.trace_id)
    evidence.expect("sql.traces", "traces in SQL", trace.info, "==", written.trace.info, door="sql")
    evidence.expect("sql.spans", "spans in SQL", trace.spans, "==", written.trace.spans, door="sql")
    evidence.expect(
        "sql.assessments", "assessments in SQL",
        trace.assessments, "==", written.trace.assessments, door="sql",
    )  # fmt: skip


def _expect_answered(
    evidence: Evidence, reader: _Reader, name: str, experiment: str, written: Written
) -> None:
    where, door, api = reader.where, reader.door, reader.api
    about = _object(api.get("experiments/get", experiment_id=experiment)).get("experiment", {})
    evidence.expect(
        "replica.experiment", f"{where}: experiment",
        [about.get("name"), about.get("lifecycle_stage"), pairs(about.get("tags", []))],
        "==", [name, "active", _PURPOSE], door=door,
    )  # fmt: skip
    reply = api.get("runs/get", run_id=written.run_id)
    if evidence.expect("replica.run", f"{where}: runs/get", reply.status, "==", 200, door=door):
        _expect_run(evidence, reader, answer("runs/get", reply)["run"], written)
    search = api.post(
        "runs/search", experiment_ids=[experiment],
        filter=f"attributes.run_name = '{written.run.info['name']}'",
    )  # fmt: skip
    evidence.expect(
        "replica.search", f"{where}: runs that a search finds",
        [answered_run(r).whole() for r in _object(search).get("runs", [])],
        "==", [written.run.whole()], door=door,
    )  # fmt: skip
    found = api.request("GET", f"/api/3.0/mlflow/traces/get?trace_id={written.trace_id}")
    if not evidence.expect("replica.trace", f"{where}: trace", found.status, "==", 200, door=door):
        return
    trace = answered_trace(answer("traces/get", found).get("trace", {}))
    evidence.expect(
        "replica.trace-info", f"{where}: state, times, texts, tags and metadata of the trace",
        trace.info, "==", written.trace.info, door=door,
    )  # fmt: skip
    evidence.expect(
        "replica.spans", f"{where}: spans", trace.spans, "==", written.trace.spans, door=door
    )
    evidence.expect(
        "replica.assessments", f"{where}: assessments",
        trace.assessments, "==", written.trace.assessments, door=door,
    )  # fmt: skip


def _expect_run(
    evidence: Evidence, reader: _Reader, found: dict[str, Any], written: Written
) -> None:
    where, door, api = reader.where, reader.door, reader.api
    run, expected = answered_run(found), written.run
    evidence.expect(
        "replica.info", f"{where}: name, status, user, stage and times",
        run.info, "==", expected.info, door=door,
    )  # fmt: skip
    evidence.expect(
        "replica.params", f"{where}: params", run.params, "==", expected.params, door=door
    )
    evidence.expect(
        "replica.metrics", f"{where}: latest metrics", run.latest, "==", expected.latest,
        door=door,
    )  # fmt: skip
    histories = (
        _object(api.get("metrics/get-history", run_id=written.run_id, metric_key=key))
        for key in sorted(expected.latest)
    )
    evidence.expect(
        "replica.history", f"{where}: metrics",
        list(chain.from_iterable(answered_history(h.get("metrics", [])) for h in histories)),
        "==", written.history, door=door,
    )  # fmt: skip
    evidence.expect("replica.tags", f"{where}: tags", run.tags, "==", expected.tags, door=door)
    evidence.expect(
        "replica.datasets", f"{where}: datasets", run.datasets, "==", expected.datasets,
        door=door,
    )  # fmt: skip


def _object(reply: Reply) -> dict[str, Any]:
    """The JSON object of a 200, and nothing of any other reply."""
    return answer("read", reply) if reply.status == 200 else {}


@check(
    "TRK-1.lengths",
    impact="Long prompts, configurations and names are cut short, and nobody notices.",
    remedy="Compare the columns of the tables with those of MLflow's schema, and look for a proxy "
    "that bounds requests.",
    writes=("mlflow",),
)
def test_longest_values(
    evidence: Evidence,
    front: MlflowApi,
    sql_witness: Sql | None,
    replicas: list[MlflowApi],
    unique: Unique,
    belongings: Belongings,
) -> None:
    """Values of the greatest promised lengths are taken, and come back to the last character.

    Steps:
        1. Through the front door make an experiment with the longest name, and in a run of it log a
           param and a tag of the longest value, and a metric of the longest key, all but the key
           in letters of several bytes.
        2. The front door and every replica give each of them whole, and so does SQL where the
           profile names the database.
    """
    row = evidence.row(Lengths)
    name = unique("longest").ljust(row.experiment_name, "ä")
    made = front.post("experiments/create", name=name)
    evidence.expect("name.status", "experiment of the longest name", made.status, "==", 200,
                    door="front")  # fmt: skip
    experiment = belongings.experiment(answer("experiments/create", made)["experiment_id"])
    run_id = new_run(front, experiment).run_id
    param, tag, key = "ß" * row.param_value, "é" * row.tag_value, "k" * row.key
    logged = front.post(
        "runs/log-batch", run_id=run_id,
        params=[{"key": "long", "value": param}], tags=[{"key": "long", "value": tag}],
        metrics=[{"key": key, "value": 1.0, "timestamp": 1, "step": 1}],
    )  # fmt: skip
    evidence.expect(
        "values.status", "longest param, tag and metric key", logged.status, "==", 200, door="front"
    )
    expected = _digests(name, param, tag, key)
    if sql := sql_witness:
        stored = stored_run(sql, run_id)
        names = sql.column("SELECT name FROM experiments WHERE experiment_id = %s", int(experiment))
        evidence.expect(
            "sql.longest", "length and sha256 in SQL",
            _digests(
                *names, stored.params.get("long", ""), stored.tags.get("long", ""), *stored.latest
            ),
            "==", expected, door="sql",
        )  # fmt: skip
    for reader in _readers(front, replicas):
        found = reader.api.get("experiments/get", experiment_id=experiment)
        run = answered_run(answer("runs/get", reader.api.get("runs/get", run_id=run_id))["run"])
        evidence.expect(
            "replica.longest", f"{reader.where}: length and sha256",
            _digests(
                answer("experiments/get", found)["experiment"]["name"],
                run.params.get("long", ""), run.tags.get("long", ""), *run.latest,
            ),
            "==", expected, door=reader.door,
        )  # fmt: skip


def _digests(*texts: str) -> list[list[Any]]:
    """Of an experiment's name, a param, a tag and metric keys: length and sha256."""
    return [[len(t), sha256(t.encode()).hexdigest()] for t in texts]
