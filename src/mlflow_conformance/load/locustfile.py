# SPDX-License-Identifier: Apache-2.0
"""What Locust runs: one user a worker, who sends that worker's share of the plan.

The same file is used alone, as master and as worker. Workers send their records to the master,
which writes a file for each, so that nothing has to be fetched from them.

It finds the plan and the folder for the records in the environment, where
`mlflow_conformance.load.engine` put them.
"""

import os
import time
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust import User, events, task
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from mlflow_conformance.load.engine import FOLDER_VARIABLE, PLAN_VARIABLE, record_path
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.records import End, Header, Record, RecordWriter
from mlflow_conformance.load.sender import LoadSender, take_precedence

_HEAD_START_S = 0.5
"""Between the decision to begin and the first planned moment: for the message to every worker."""

_plan = LoadPlan.read(Path(os.environ[PLAN_VARIABLE]))
_start: AsyncResult = AsyncResult()


def _header(worker: int, started: float, offered: int, realtime: bool) -> Header:
    workload = _plan.workload
    return Header(
        workload=workload.name,
        connection=workload.connection,
        arrivals=workload.arrivals,
        timeout_s=workload.timeout_s,
        steps=_plan.steps,
        seed=_plan.seed,
        worker=worker,
        workers=_plan.workers,
        offered=offered,
        realtime=realtime,
        operations=workload.operations,
        started=started,
    )


def _writer(worker: int) -> RecordWriter:
    return RecordWriter(record_path(Path(os.environ[FOLDER_VARIABLE]), worker))


class OpenModelUser(User):  # type: ignore[misc] # Locust has no types
    """Sends a share of the plan, and stops."""

    @task  # type: ignore[untyped-decorator]
    def run_share(self) -> None:
        """The whole share; a user has nothing else to do."""
        runner = self.environment.runner
        worker: int = runner.worker_index
        if worker >= _plan.workers:
            raise StopUser  # a worker that came back; its first share stays incomplete
        offered = sum(1 for _ in _plan.share(worker))
        realtime = take_precedence()
        if isinstance(runner, WorkerRunner):
            self._run_for_master(runner, worker, offered, realtime)
        else:
            self._run_alone(runner, worker, offered, realtime)
        raise StopUser

    def _run_alone(self, runner: Any, worker: int, offered: int, realtime: bool) -> None:
        started = time.time() + _HEAD_START_S
        with _writer(worker) as writer:
            writer.header(_header(worker, started, offered, realtime))
            writer.end(self._sender(worker, started, writer.lines).run())
        # Quitting stops this user too, so it cannot be this user who waits for it.
        gevent.spawn(runner.quit)

    def _run_for_master(self, runner: Any, worker: int, offered: int, realtime: bool) -> None:
        runner.send_message(
            "load-ready", {"worker": worker, "offered": offered, "realtime": realtime}
        )
        started: float = _start.get()

        def send(lines: str) -> None:
            runner.send_message("load-lines", {"worker": worker, "lines": lines})

        end = self._sender(worker, started, send).run()
        runner.send_message("load-end", {"worker": worker, "end": end.model_dump()})

    def _sender(self, worker: int, started: float, write: Any) -> LoadSender:
        return LoadSender(_plan, worker, started, write, self._tell)

    def _tell(self, operation: str, record: Record) -> None:
        self.environment.events.request.fire(
            request_type="",
            name=operation,
            response_time=record.latency_us / 1000,
            response_length=0,
            exception=record.failure or None,
            context={},
        )


class _Master:
    """Begins when every worker is ready, writes what they send, quits when all have ended."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._ready_workers: dict[int, dict[str, Any]] = {}
        self._writers: dict[int, RecordWriter] = {}
        for name, listener in (
            ("load-ready", self._ready),
            ("load-lines", self._lines),
            ("load-end", self._end),
        ):
            runner.register_message(name, listener)

    def _ready(self, msg: Any, **_: Any) -> None:
        self._ready_workers.setdefault(msg.data["worker"], msg.data)
        if len(self._ready_workers) < _plan.workers or self._writers:
            return
        started = time.time() + _HEAD_START_S
        for worker, told in self._ready_workers.items():
            self._writers[worker] = _writer(worker)
            self._writers[worker].header(
                _header(worker, started, told["offered"], told["realtime"])
            )
        self._runner.send_message("load-start", {"started": started})

    def _lines(self, msg: Any, **_: Any) -> None:
        self._writers[msg.data["worker"]].lines(msg.data["lines"])

    def _end(self, msg: Any, **_: Any) -> None:
        writer = self._writers.pop(msg.data["worker"])
        writer.end(End.model_validate(msg.data["end"]))
        writer.close()
        if not self._writers:
            gevent.spawn(self._runner.quit)


@events.init.add_listener  # type: ignore[untyped-decorator]
def _on_init(runner: Any, **_: Any) -> None:
    if isinstance(runner, MasterRunner):
        _Master(runner)
    elif isinstance(runner, WorkerRunner):
        runner.register_message("load-start", lambda msg, **_: _start.set(msg.data["started"]))
