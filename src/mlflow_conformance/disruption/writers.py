# SPDX-License-Identifier: Apache-2.0
"""Writers that go on whatever happens to the server, and what must be there of it afterwards.

Metrics go into runs of their own, several in one request; artifacts go one by one. Nothing is sent
twice. A value tells what it must be, so that reading back shows a wrong one as well as a lost one.
"""

import hashlib
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from pydantic import JsonValue

from mlflow_conformance.core.closing import Closing
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import (
    ARTIFACTS,
    ApiError,
    MlflowApi,
    NewRun,
    answer,
    error_of,
    new_run,
)
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.invariants import SetFinding, check_set
from mlflow_conformance.ledger.log import Ledger
from mlflow_conformance.ledger.reconciliation import folder_of
from mlflow_conformance.ledger.writing import attempt, attempt_all, raise_problems

METRIC = "loss"
KINDS = ("add", "put")
"""Operations of the ledger: metrics are added, artifacts are put."""
_PAGE = 5000


@dataclass(frozen=True)
class Pace:
    """How fast is written; `timeout_s` is for one request.

    Attributes:
        writers: of metrics, each with a run of its own.
        batch: metrics in one request.
        every_s: from the start of a writer's request to that of its next one, at the least.
        artifacts_every_s: likewise for artifacts.
    """

    writers: int = 4
    batch: int = 25
    every_s: float = 1.0
    artifacts_every_s: float = 0.5
    timeout_s: float = 10.0


def value_of(step: int) -> float:
    """What the metric of a step is: exact in every representation on the way."""
    return step / 8


def content_of(number: int) -> bytes:
    """What an artifact holds."""
    return f"artifact {number}\n".encode() * 8


def digest_of(number: int) -> str:
    """The sha256 of `content_of`."""
    return hashlib.sha256(content_of(number)).hexdigest()


class Writers(Closing):
    """Writes from its making until it is closed.

    Writers of metrics take the doors in turn, so that both the ingress and the Service are on the
    way of some of them.
    """

    def __init__(
        self, ledger: Ledger, doors: Sequence[MlflowApi], experiment_id: str, pace: Pace
    ) -> None:
        """Make the runs and begin.

        Raises:
            ApiError: a run could not be made.
            NoReply: the server did not answer.
        """
        self.pace = pace
        self._ledger = ledger
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._acknowledged: list[tuple[int, str, int]] = []
        hasty = [replace(door, timeout_s=pace.timeout_s) for door in doors]
        self.runs = [new_run(hasty[0], experiment_id) for _ in range(pace.writers)]
        self.store = new_run(hasty[0], experiment_id)
        self._pool = ThreadPoolExecutor(pace.writers + 1)
        self._jobs = [
            self._pool.submit(self._metrics, n, hasty[n % len(hasty)], run)
            for n, run in enumerate(self.runs, 1)
        ]
        self._jobs.append(self._pool.submit(self._artifacts, hasty[0]))

    def acknowledged(self, since_ns: int = 0) -> Counter[str]:
        """Writes whose requests began after a moment of the monotonic clock, by kind.

        ``add`` are metrics, ``put`` artifacts.
        """
        raise_problems(self._jobs)
        seen: Counter[str] = Counter()
        with self._lock:
            for began_ns, kind, count in self._acknowledged:
                if began_ns >= since_ns:
                    seen[kind] += count
        return seen

    def close(self) -> None:
        """Stop, and wait until every request has ended or timed out."""
        self._stop.set()
        self._pool.shutdown(wait=True)
        raise_problems(self._jobs)

    def _metrics(self, number: int, api: MlflowApi, run: NewRun) -> None:
        batch = self.pace.batch
        client = f"writer {number}"

        def send(turn: int) -> int:
            steps = range(turn * batch, (turn + 1) * batch)
            metrics = [
                {"key": METRIC, "value": value_of(s), "timestamp": s, "step": s} for s in steps
            ]
            reply = attempt_all(
                self._ledger, client, run.run_id, "add", list(steps),
                lambda: api.post("runs/log-batch", run_id=run.run_id, metrics=metrics),
            )  # fmt: skip
            return batch if _acknowledged(reply) else 0

        self._paced("add", self.pace.every_s, send)

    def _artifacts(self, api: MlflowApi) -> None:
        folder = self.store.artifact_uri.partition(":/")[2]

        def send(turn: int) -> int:
            path = f"{ARTIFACTS}/{folder}/{turn}.txt"
            body = content_of(turn)
            reply = attempt(
                self._ledger, "uploader", self.store.run_id, "put", turn,
                lambda: api.request("PUT", path, body=body, content_type="text/plain"),
            )  # fmt: skip
            return 1 if _acknowledged(reply) else 0

        self._paced("put", self.pace.artifacts_every_s, send)

    def _paced(self, kind: str, every_s: float, send: Callable[[int], int]) -> None:
        turn, due = 0, time.monotonic()
        while not self._stop.is_set():
            began_ns = time.monotonic_ns()
            count = send(turn)
            if count:
                with self._lock:
                    self._acknowledged.append((began_ns, kind, count))
            turn += 1
            due = max(due + every_s, time.monotonic())
            self._stop.wait(max(0.0, due - time.monotonic()))


def _acknowledged(reply: Reply | None) -> bool:
    return reply is not None and reply.status == 200


@dataclass(frozen=True)
class Kept:
    """What one door shows of the acknowledged writes.

    Attributes:
        halves: requests of which a part is there and a part is not.
        wrong: values that are there and are not what was written.
    """

    door: str
    finding: SetFinding
    halves: Sequence[str]
    wrong: Sequence[str]

    @property
    def holds(self) -> bool:
        """Nothing is lost, doubled, invented, torn or changed."""
        return self.finding.holds and not self.halves and not self.wrong

    @property
    def broken(self) -> list[str]:
        """What is wrong, a few words for each thing."""
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
        return [f"{self.door}: {', '.join(said)}"] if said else []


def judge_metrics(
    door: str, operations: Iterable[Operation], present: Mapping[str, Sequence[tuple[int, float]]]
) -> Kept:
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
    return Kept(door, check_set(named, seen), halves, wrong)


def judge_artifacts(door: str, operations: Iterable[Operation], present: Mapping[int, str]) -> Kept:
    """Hold the artifacts that a door shows, their sha256 by number, against the ledger."""
    puts = [o for o in operations if o.kind == "put"]
    wrong = [f"{n}: {digest}" for n, digest in present.items() if digest != digest_of(n)]
    return Kept(door, check_set(puts, list(present)), [], wrong)


def read_back(
    operations: Sequence[Operation], writers: Writers, api: MlflowApi, sql: Sql, bucket: Bucket
) -> list[Kept]:
    """What MLflow, SQL and the bucket show of the writes; call it when the server is well again.

    Raises:
        ApiError: MLflow refused to show a history, or did not say whether an artifact is there.
        NoReply: MLflow did not answer.
        InsideFailed: SQL or the bucket could not be read.
    """
    runs = [run.run_id for run in writers.runs]
    rows = sql.rows(
        "SELECT run_uuid, step, value FROM metrics WHERE run_uuid = ANY(%s) AND key = %s",
        list(runs), METRIC,
    )  # fmt: skip
    stored: dict[str, list[tuple[int, float]]] = {run: [] for run in runs}
    for run, step, value in rows:
        stored[run].append((step, value))
    numbers = [int(str(o.value)) for o in operations if o.kind == "put"]
    return [
        judge_metrics("sql", operations, stored),
        judge_metrics("mlflow", operations, {run: _history(api, run) for run in runs}),
        judge_artifacts("bucket", operations, _stored_artifacts(writers.store, bucket, numbers)),
        judge_artifacts("mlflow", operations, served_artifacts(writers.store, api, numbers)),
    ]


def _history(api: MlflowApi, run_id: str) -> list[tuple[int, float]]:
    points: list[tuple[int, float]] = []
    token: dict[str, Any] = {}
    while True:
        reply = api.get(
            "metrics/get-history", run_id=run_id, metric_key=METRIC, max_results=_PAGE, **token
        )
        if reply.status == 404 and error_of(reply)[0] == "RESOURCE_DOES_NOT_EXIST":
            return points  # of a run that is lost
        page = answer("metrics/get-history", reply)
        points += [(int(m["step"]), float(m["value"])) for m in page.get("metrics", [])]
        if not page.get("next_page_token"):
            return points
        token = {"page_token": page["next_page_token"]}


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
