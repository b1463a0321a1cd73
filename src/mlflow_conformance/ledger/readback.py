# SPDX-License-Identifier: Apache-2.0
"""Acknowledged writes, read back by every door."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import ARTIFACTS, ApiError, MlflowApi, NewRun, answer, error_of
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.reconciliation import folder_of
from mlflow_conformance.ledger.writers import METRIC, TURN, Writers
from mlflow_conformance.ledger.writes_kept import (
    WritesKept,
    judge_artifacts,
    judge_metrics,
    judge_named,
    shown_by,
)

_PAGE = 5000
_Points = dict[str, list[tuple[int, float]]]
_Pairs = list[tuple[str, str]]


def read_back(
    operations: Sequence[Operation],
    writers: Writers,
    api: MlflowApi,
    sql: Sql | None,
    bucket: Bucket | None,
) -> list[WritesKept]:
    """What MLflow, SQL and the bucket show of the writes; call it when the server is well again.

    A door that shows nothing of a kind says why, and all the others are asked all the same.

    Args:
        sql: None where nobody named that door.
        bucket: likewise.

    Raises:
        Undecided: MLflow does not know the name that `api` calls it by.
    """
    runs = [run.run_id for run in writers.runs]
    numbers = [int(str(o.value)) for o in operations if o.kind == "put"]

    def metrics(door: str, points: Callable[[], _Points]) -> WritesKept:
        return shown_by(door, "add", lambda: judge_metrics(door, operations, points()))

    def artifacts(door: str, digests: Callable[[], dict[int, str]]) -> WritesKept:
        return shown_by(door, "put", lambda: judge_artifacts(door, operations, digests()))

    def named(door: str, kind: str, pairs: Callable[[], _Pairs]) -> WritesKept:
        return shown_by(door, kind, lambda: judge_named(door, kind, operations, pairs()))

    kept = [
        metrics("mlflow", lambda: {run: metric_history(api, run) for run in runs}),
        artifacts("mlflow", lambda: served_artifacts(writers.store, api, numbers)),
        *(named("mlflow", kind, answer) for kind, answer in _answers(writers, api).items()),
    ]
    if sql:
        kept += [
            metrics("sql", lambda: _points(runs, sql)),
            *(named("sql", kind, rows) for kind, rows in _rows(writers, sql).items()),
        ]
    if bucket:
        kept.append(artifacts("bucket", lambda: _stored_artifacts(writers.store, bucket, numbers)))
    return kept


def _points(runs: Sequence[str], sql: Sql) -> _Points:
    """Step and value of every point that the database has, by run."""
    rows = sql.rows(
        "SELECT run_uuid, step, value FROM metrics WHERE run_uuid = ANY(%s) AND key = %s",
        list(runs), METRIC,
    )  # fmt: skip
    stored: _Points = {run: [] for run in runs}
    for run, step, value in rows:
        stored[run].append((step, value))
    return stored


def _rows(writers: Writers, sql: Sql) -> dict[str, Callable[[], _Pairs]]:
    """What reads from the database, by kind, what `judge_named` takes."""
    run, model = writers.store.run_id, writers.model

    def pairs(statement: str, whose: str) -> _Pairs:
        return [(name, value) for name, value in sql.rows(statement, whose)]

    return {
        "param": lambda: pairs("SELECT key, value FROM params WHERE run_uuid = %s", run),
        "tag": lambda: pairs("SELECT key, value FROM tags WHERE run_uuid = %s", run),
        "version": lambda: pairs(
            f"SELECT '{TURN}' || description, description FROM model_versions "  # noqa: S608 - ours
            "WHERE name = %s AND description <> ''", model,
        ),
        "alias": lambda: pairs(
            "SELECT alias, version::text FROM registered_model_aliases WHERE name = %s", model
        ),
    }  # fmt: skip


def _answers(writers: Writers, api: MlflowApi) -> dict[str, Callable[[], _Pairs]]:
    """What asks MLflow, by kind, for what `judge_named` takes."""
    run, model = writers.store.run_id, writers.model

    def of_run(what: str) -> _Pairs:
        data = _shown("runs/get", api.get("runs/get", run_id=run)).get("run", {}).get("data", {})
        return [(each["key"], each["value"]) for each in data.get(what, [])]

    def versions() -> _Pairs:
        call = "model-versions/search"
        found = _shown(call, api.get(call, filter=f"name='{model}'", max_results=_PAGE))
        described = [v.get("description", "") for v in found.get("model_versions", [])]
        return [(TURN + told, told) for told in described if told]

    def aliases() -> _Pairs:
        call = "registered-models/get"
        found = _shown(call, api.get(call, name=model)).get("registered_model", {})
        return [(a["alias"], str(a["version"])) for a in found.get("aliases", [])]

    return {
        "param": lambda: of_run("params"),
        "tag": lambda: of_run("tags"),
        "version": versions,
        "alias": aliases,
    }


def metric_history(api: MlflowApi, run_id: str, metric: str = METRIC) -> list[tuple[int, float]]:
    """Step and value of every point of a metric, page by page; none of a run that is lost.

    Raises:
        ApiError: MLflow refused to show it.
        NoReply: it did not answer.
    """
    points: list[tuple[int, float]] = []
    token: dict[str, Any] = {}
    while True:
        reply = api.get(
            "metrics/get-history", run_id=run_id, metric_key=metric, max_results=_PAGE, **token
        )
        if reply.status == 404 and error_of(reply)[0] == "RESOURCE_DOES_NOT_EXIST":
            return points  # of a run that is lost
        page = answer("metrics/get-history", reply)
        points += [(int(m["step"]), float(m["value"])) for m in page.get("metrics", [])]
        if not page.get("next_page_token"):
            return points
        token = {"page_token": page["next_page_token"]}


def _shown(call: str, reply: Reply) -> dict[str, Any]:
    """The answer; nothing when what was asked for is lost."""
    if reply.status == 404 and error_of(reply)[0] == "RESOURCE_DOES_NOT_EXIST":
        return {}
    return answer(call, reply)


def _stored_artifacts(store: NewRun, bucket: Bucket, numbers: Sequence[int]) -> dict[int, str]:
    folder = folder_of(store.artifact_uri, bucket.name, bucket.prefix)
    keys = {f"{folder}/{n}.txt": n for n in numbers}
    found = bucket.digests(list(keys)) if keys else {}
    return {keys[key]: digest.sha256 for key, digest in found.items() if digest is not None}


def served_artifacts(store: NewRun, api: MlflowApi, numbers: Sequence[int]) -> dict[int, str]:
    """The sha256 of the artifacts that MLflow serves, by number.

    Raises:
        ApiError: it answered something from which nobody can tell whether one is there.
        NoReply: it did not answer.
    """
    folder = store.artifact_uri.partition(":/")[2]
    found = {}
    for number in numbers:
        path = f"{ARTIFACTS}/{folder}/{number}.txt"
        reply = api.request("GET", path)
        if reply.status == 200:
            found[number] = hashlib.sha256(reply.body).hexdigest()
        elif not _absent(reply):
            raise ApiError("artifacts", reply)
    return found


def _absent(reply: Reply) -> bool:
    """Whether a reply says that there is no such artifact; any other failure is no word on it.

    MLflow 3.17 answers 500 and quotes what S3 said.
    """
    return reply.status == 404 or (reply.status == 500 and b"(404) when calling" in reply.body)
