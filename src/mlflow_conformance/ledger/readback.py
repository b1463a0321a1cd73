# SPDX-License-Identifier: Apache-2.0
"""What must be there of acknowledged writes afterwards, read back by every door."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import JsonValue

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import ARTIFACTS, ApiError, MlflowApi, NewRun, answer, error_of
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.invariants import SetFinding, check_set
from mlflow_conformance.ledger.reconciliation import folder_of
from mlflow_conformance.ledger.writers import (
    METRIC,
    TURN,
    Writers,
    digest_of,
    value_of,
)

_PAGE = 5000


@dataclass(frozen=True)
class WritesKept:
    """What one door shows of the acknowledged writes of a kind.

    Attributes:
        kind: of the ledger's operations.
        halves: requests of which a part is there and a part is not.
        wrong: values that are there and are not what was written.
        refused: what the door said in place of showing them; they are not looked at then.
    """

    door: str
    kind: str
    finding: SetFinding
    halves: Sequence[str]
    wrong: Sequence[str]
    refused: str = ""

    @property
    def holds(self) -> bool:
        """They are shown, and nothing is lost, doubled, invented, torn or changed."""
        return self.finding.holds and not (self.halves or self.wrong or self.refused)

    @property
    def broken(self) -> list[str]:
        """What is wrong, a few words for each thing."""
        if self.refused:
            return [f"{self.door}, {self.kind}: refused: {self.refused}"]
        found = self.finding
        said = [
            f"{len(values)} {word}"
            for word, values in (
                ("lost", found.lost),
                ("invented", found.ghosts),
                ("doubled", found.duplicated),
                ("half there", self.halves),
                ("changed", self.wrong),
            )
            if values
        ]
        return [f"{self.door}, {self.kind}: {', '.join(said)}"] if said else []


def judge_metrics(
    door: str, operations: Iterable[Operation], present: Mapping[str, Sequence[tuple[int, float]]]
) -> WritesKept:
    """Hold the metrics that a door shows, by run, against the ledger."""
    adds = [o for o in operations if o.kind == "add"]
    named = [replace(o, value=[o.key, o.value]) for o in adds]
    seen: list[JsonValue] = [[run, step] for run, points in present.items() for step, _ in points]
    there = {(run, step) for run, points in present.items() for step, _ in points}
    requests: dict[tuple[str, int], list[Operation]] = defaultdict(list)
    for operation in adds:  # writes of one request began together
        requests[operation.key, operation.invoked_ns].append(operation)
    halves = [
        f"{key} steps {ops[0].value} to {ops[-1].value}"
        for (key, _), ops in requests.items()
        if 0 < sum((key, o.value) in there for o in ops) < len(ops)
    ]
    wrong = [
        f"{run} step {step}: {value}"
        for run, points in present.items()
        for step, value in points
        if value != value_of(step)
    ]
    return WritesKept(door, "add", check_set(named, seen), halves, wrong)


def judge_artifacts(
    door: str, operations: Iterable[Operation], present: Mapping[int, str]
) -> WritesKept:
    """Hold the artifacts that a door shows, their sha256 by number, against the ledger."""
    puts = [o for o in operations if o.kind == "put"]
    wrong = [f"{n}: {digest}" for n, digest in present.items() if digest != digest_of(n)]
    return WritesKept(door, "put", check_set(puts, list(present)), [], wrong)


def judge_named(
    door: str, kind: str, operations: Iterable[Operation], present: Iterable[tuple[str, str]]
) -> WritesKept:
    """Hold the params, tags, aliases or versions that a door shows against the ledger.

    Args:
        present: the name of each, and its value; what the writers did not name is left out.
    """
    own = [(int(n.removeprefix(TURN)), v) for n, v in present if n.startswith(TURN)]
    # An alias is one of the only version that nobody else writes.
    wrong = [f"{n}: {v}" for n, v in own if v != ("1" if kind == "alias" else str(n))]
    return WritesKept(
        door, kind, check_set([o for o in operations if o.kind == kind], [n for n, _ in own]), [],
        wrong,
    )  # fmt: skip


def read_back(
    operations: Sequence[Operation],
    writers: Writers,
    api: MlflowApi,
    sql: Sql | None,
    bucket: Bucket | None,
) -> list[WritesKept]:
    """What MLflow, SQL and the bucket show of the writes; call it when the server is well again.

    Args:
        sql: None where nobody named that door; the others are asked all the same.
        bucket: likewise.

    Raises:
        ApiError: MLflow refused to show a history, or did not say whether an artifact is there.
        NoReply: MLflow did not answer.
        InsideFailed: SQL or the bucket could not be read.
    """
    runs = [run.run_id for run in writers.runs]
    numbers = [int(str(o.value)) for o in operations if o.kind == "put"]
    metrics = {"mlflow": {run: metric_history(api, run) for run in runs}}
    artifacts = {"mlflow": served_artifacts(writers.store, api, numbers)}
    named = {"mlflow": _answers(writers, api)}
    if sql:
        metrics["sql"], named["sql"] = _points(runs, sql), _rows(writers, sql)
    if bucket:
        artifacts["bucket"] = _stored_artifacts(writers.store, bucket, numbers)
    return [
        *(judge_metrics(door, operations, present) for door, present in metrics.items()),
        *(judge_artifacts(door, operations, present) for door, present in artifacts.items()),
        *(
            judge_named(door, kind, operations, shown)
            for door, kinds in named.items()
            for kind, shown in kinds.items()
        ),
    ]


def _points(runs: Sequence[str], sql: Sql) -> dict[str, list[tuple[int, float]]]:
    """Step and value of every point that the database has, by run."""
    rows = sql.rows(
        "SELECT run_uuid, step, value FROM metrics WHERE run_uuid = ANY(%s) AND key = %s",
        list(runs), METRIC,
    )  # fmt: skip
    stored: dict[str, list[tuple[int, float]]] = {run: [] for run in runs}
    for run, step, value in rows:
        stored[run].append((step, value))
    return stored


def _rows(writers: Writers, sql: Sql) -> dict[str, list[tuple[str, str]]]:
    """What the database has by kind, as `judge_named` takes it."""
    run, model = writers.store.run_id, writers.model
    described = sql.column(
        "SELECT description FROM model_versions WHERE name = %s AND description <> ''", model
    )
    named = {
        "param": sql.rows("SELECT key, value FROM params WHERE run_uuid = %s", run),
        "tag": sql.rows("SELECT key, value FROM tags WHERE run_uuid = %s", run),
        "alias": sql.rows(
            "SELECT alias, version::text FROM registered_model_aliases WHERE name = %s", model
        ),
    }
    return {
        **{kind: [(name, value) for name, value in rows] for kind, rows in named.items()},
        "version": [(TURN + told, told) for told in described],
    }


def _answers(writers: Writers, api: MlflowApi) -> dict[str, list[tuple[str, str]]]:
    """What MLflow shows by kind, as `judge_named` takes it."""
    run = _shown("runs/get", api.get("runs/get", run_id=writers.store.run_id))
    data = run.get("run", {}).get("data", {})
    model = _shown(
        "registered-models/get", api.get("registered-models/get", name=writers.model)
    ).get("registered_model", {})  # fmt: skip
    found = _shown(
        "model-versions/search",
        api.get("model-versions/search", filter=f"name='{writers.model}'", max_results=_PAGE),
    )
    described = [v.get("description", "") for v in found.get("model_versions", [])]
    return {
        "param": [(p["key"], p["value"]) for p in data.get("params", [])],
        "tag": [(t["key"], t["value"]) for t in data.get("tags", [])],
        "version": [(TURN + told, told) for told in described if told],
        "alias": [(a["alias"], str(a["version"])) for a in model.get("aliases", [])],
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
