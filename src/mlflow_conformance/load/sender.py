# SPDX-License-Identifier: Apache-2.0
"""Sends a worker's share of a plan at its planned times, whatever the server does.

Only Locust's process imports this module; see `mlflow_conformance.load.engine`.
"""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
from gevent.pool import Pool

from mlflow_conformance.load.arrivals import Arrival
from mlflow_conformance.load.operations import OPERATIONS
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.records import End, Record, encode
from mlflow_conformance.load.wire import Wire

_FLUSH_S = 0.25
_US = 1_000_000


def take_precedence() -> bool:
    """Let this process run as soon as it has something to send, where the system allows that.

    On a machine that is as busy as its cluster an ordinary process is tens of milliseconds late,
    and a late sender voids the run. It costs the server nothing that it would not have lost
    anyhow: the sender uses well under a millisecond of CPU a request.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return False  # no CAP_SYS_NICE, as in a restricted pod: the lateness is recorded anyway
    return True


@dataclass
class LoadSender:
    """One worker's open-model sender.

    Attributes:
        started: the run's start, seconds since the epoch, by this machine's clock.
        write: takes lines of the record, several times a second.
        tell: called with each request as it ends, for Locust's own statistics.
    """

    plan: LoadPlan
    worker: int
    started: float
    write: Callable[[str], None]
    tell: Callable[[str, Record], None]
    _lines: list[str] = field(default_factory=list)
    _requests: int = 0
    _unsent: int = 0

    def run(self) -> End:
        """Send everything, wait for every reply or time-out, and write what is left."""
        plan = self.plan
        # Steps of the wall clock while the load runs must not move the plan.
        self._zero = time.monotonic() + (self.started - time.time())
        self._first = self._wire(plan.url)
        self._second = self._wire(plan.second.url) if plan.second else None
        self._operations = [(name, OPERATIONS[name].build) for name in plan.workload.operations]
        pool = Pool()
        flusher = gevent.spawn(self._flush_regularly)
        try:
            for arrival in plan.share(self.worker):
                # Behind the plan it still yields, or what was spawned would never begin.
                gevent.sleep(max(0.0, self._zero + arrival.at_s - time.monotonic()))
                if len(pool) >= plan.max_in_flight:
                    self._unsent += 1
                else:
                    pool.spawn(self._send, arrival)
            pool.join()
        finally:
            flusher.kill()
            self._flush()
            self._first.close()
            if self._second:
                self._second.close()
        return End(requests=self._requests, unsent=self._unsent)

    def _wire(self, url: str) -> Wire:
        plan = self.plan
        return Wire(
            url,
            connection=plan.workload.connection,
            timeout_s=plan.workload.timeout_s,
            size=plan.max_in_flight,
            ca_file=plan.ca_file,
            client_file=plan.client_file,
            headers=plan.headers,
        )

    def _send(self, arrival: Arrival) -> None:
        name, build = self._operations[arrival.operation]
        wire, world, number = self._first, self.plan.world, arrival.number
        if self.plan.second and self._second:
            number //= 2  # so that both servers get the same
            if self.plan.is_for_second(arrival):
                wire, world = self._second, self.plan.second.world
        numbers = random.Random(f"{self.plan.seed}:{number}")  # noqa: S311 - no secret
        request = build(world, numbers, number)
        sent = time.monotonic()
        status, failure = wire.send(request)
        done = time.monotonic()
        record = Record(
            planned_us=round(arrival.at_s * _US),
            sent_us=round((sent - self._zero) * _US),
            done_us=round((done - self._zero) * _US),
            operation=arrival.operation,
            status=status,
            failure=failure,
        )
        self._requests += 1
        self._lines.append(encode(record))
        self.tell(name, record)

    def _flush_regularly(self) -> None:
        while True:
            gevent.sleep(_FLUSH_S)
            self._flush()

    def _flush(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            self.write("".join(lines))
