# SPDX-License-Identifier: Apache-2.0
"""Writes around a backup: many before it, and writers that go on while it is made.

Every write is one request and one transaction of MLflow, and says by a value of its own that it is
there, so that a restored database can be held against the ledger write by write.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.log import Ledger
from mlflow_conformance.ledger.writing import attempt, raise_problems
from mlflow_conformance.target.base import Target

_WRITE, _BATCH, _BEATS = "mlc.write", "mlc.batch", "mlc.beats"
_AT_ONCE, _CONCURRENCY, _TIMEOUT_S, _PATIENCE_S = 250, 8, 60, 300
_STEPS, _PARAMS = 5, 3
_PAUSE_S = 0.05

_PRESENT = """
SELECT t.value FROM tags t JOIN runs r ON r.run_uuid = t.run_uuid
 WHERE r.experiment_id = %s AND t.key = %s
UNION ALL
SELECT t.value FROM tags t JOIN runs r ON r.run_uuid = t.run_uuid
 WHERE r.experiment_id = %s AND t.key = %s
   AND (SELECT count(*) FROM metrics m WHERE m.run_uuid = r.run_uuid) = %s
   AND (SELECT count(*) FROM params p WHERE p.run_uuid = r.run_uuid) = %s
UNION ALL
SELECT t.value || '/beat/' || m.step FROM metrics m
  JOIN tags t ON t.run_uuid = m.run_uuid AND t.key = %s
  JOIN runs r ON r.run_uuid = m.run_uuid
 WHERE r.experiment_id = %s AND m.key = 'beat'
"""


def present(sql: Sql, experiment: str) -> list[str]:
    """The writes that the database holds, each by its value.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    number = int(experiment)
    return sql.column(_PRESENT, number, _WRITE, number, _BATCH, _STEPS, _PARAMS, _BEATS, number)


def seed(target: Target, ledger: Ledger, experiment: str, runs: int, *, first: int = 1) -> None:
    """Make runs with metrics and params, as fast as MLflow takes them; the ledger tells each.

    Raises:
        InsideFailed: the runner did not answer.
    """
    for start in range(first, first + runs, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, first + runs))
        made = _many(
            target, ledger, [f"seed/run/{n}" for n in numbers], "runs/create",
            [
                {"experiment_id": experiment, "run_name": f"seed {n}",
                 "tags": [{"key": _WRITE, "value": f"seed/run/{n}"}]}
                for n in numbers
            ],
        )  # fmt: skip
        ids = {
            n: answer("runs/create", reply)["run"]["info"]["run_id"]
            for n, reply in zip(numbers, made, strict=True)
            if reply is not None and reply.status == 200
        }
        _many(
            target, ledger, [f"seed/batch/{n}" for n in ids], "runs/log-batch",
            [_batch(n, run_id) for n, run_id in ids.items()],
        )  # fmt: skip


def _batch(number: int, run_id: str) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "tags": [{"key": _BATCH, "value": f"seed/batch/{number}"}],
        "params": [{"key": f"param {p}", "value": str(number * p)} for p in range(_PARAMS)],
        "metrics": [
            {"key": "loss", "value": 1 / (number + step), "timestamp": step, "step": step}
            for step in range(_STEPS)
        ],
    }


def _many(
    target: Target,
    ledger: Ledger,
    values: Sequence[str],
    call: str,
    bodies: Sequence[dict[str, Any]],
) -> list[Reply | None]:
    """Send requests from the runner, several at once, between their intents and outcomes."""
    # A client of its own for each: several go on at once, in no order.
    intents = [ledger.intend(value, "seed", "add", value) for value in values]
    api = replace(target.api(), timeout_s=_TIMEOUT_S)
    outcomes = send_many(
        target.inside, [Request.post(api, call, **body) for body in bodies],
        concurrency=_CONCURRENCY, patience_s=_PATIENCE_S,
    )  # fmt: skip
    replies: list[Reply | None] = []
    for number, outcome in zip(intents, outcomes, strict=True):
        reply = outcome.reply
        if isinstance(reply, NoReply):
            replies.append(None)
            continue
        if reply.status == 200:
            ledger.acknowledge(number)
        elif 400 <= reply.status < 500:
            ledger.refuse(number, error_of(reply)[0])
        replies.append(reply)
    return replies


def write_text(api: MlflowApi, experiment: str, size: int) -> None:
    """Store that many bytes, all the same letter, as params of a run.

    Raises:
        ApiError: MLflow refused it.
    """
    longest, in_a_batch = 6000, 100  # limits of MLflow
    run_id = new_run(api, experiment).run_id
    params = [
        {"key": f"text {n}", "value": "a" * min(longest, size - n * longest)}
        for n in range(-(-size // longest))
    ]
    for start in range(0, len(params), in_a_batch):
        part = params[start : start + in_a_batch]
        answer("runs/log-batch", api.post("runs/log-batch", run_id=run_id, params=part))


class BackupWriters:
    """Clients that write one after the other's sleep, each in its own order, until the end."""

    def __init__(self, api: MlflowApi, ledger: Ledger, experiment: str, clients: int) -> None:
        """Prepare; `going` starts them."""
        self._api, self._ledger, self._experiment = api, ledger, experiment
        self._stop = threading.Event()
        self._done = [0] * clients
        self._jobs: list[Future[None]] = []

    @contextmanager
    def going(self) -> Iterator["BackupWriters"]:
        """Write for as long as the context lasts.

        Raises:
            ApiError: the run that a writer needs could not be made.
        """
        own = [
            new_run(self._api, self._experiment, **{_BEATS: f"writer {n}"}).run_id
            for n in range(len(self._done))
        ]
        with ThreadPoolExecutor(len(own)) as pool:
            self._jobs = [pool.submit(self._write, n, run_id) for n, run_id in enumerate(own)]
            try:
                yield self
            finally:
                self._stop.set()
        raise_problems(self._jobs)

    def more(self, writes: int, waiter: Waiter) -> None:
        """Wait until every writer has had that many more writes acknowledged.

        Raises:
            TimedOut: MLflow did not take them in time.
        """
        goals = [done + writes for done in self._done]
        waiter.until(
            f"written: {writes} more by each writer",
            self._acknowledged,
            done=lambda seen: all(a >= b for a, b in zip(seen, goals, strict=True)),
            timeout="load begun",
            interval_s=0.1,
        )

    def _acknowledged(self) -> list[int]:
        raise_problems(self._jobs)
        return list(self._done)

    def _write(self, number: int, run_id: str) -> None:
        client = f"writer {number}"
        for step in count(1):
            if self._stop.wait(_PAUSE_S):
                return
            self._try(number, client, f"{client}/run/{step}", self._new_run)
            self._try(number, client, f"{client}/beat/{step}", partial(self._beat, run_id, step))

    def _beat(self, run_id: str, step: int, _: str) -> Reply:
        return self._api.post(
            "runs/log-metric", run_id=run_id, key="beat", value=1.0, timestamp=step, step=step
        )

    def _try(self, number: int, client: str, value: str, send: Callable[[str], Reply]) -> None:
        reply = attempt(self._ledger, client, client, "add", value, lambda: send(value))
        self._done[number] += reply is not None and reply.status == 200

    def _new_run(self, value: str) -> Reply:
        return self._api.post(
            "runs/create", experiment_id=self._experiment,
            tags=[{"key": _WRITE, "value": value}],
        )  # fmt: skip
