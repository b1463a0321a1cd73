# SPDX-License-Identifier: Apache-2.0
"""Writers that go on whatever happens to the server.

Metrics go into runs of their own, several in one request; artifacts go one by one. Nothing is sent
twice. A value tells what it must be, so that reading back shows a wrong one as well as a lost one.
"""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from mlflow_conformance.core.closing import Closing
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import (
    ARTIFACTS,
    MlflowApi,
    NewRun,
    new_run,
)
from mlflow_conformance.ledger.log import Ledger
from mlflow_conformance.ledger.writing import attempt, attempt_all, raise_problems

METRIC = "loss"
KINDS = ("add", "put")
"""Operations of the ledger: metrics are added, artifacts are put."""


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
