# SPDX-License-Identifier: Apache-2.0
"""Lies about time: right answers that come late, and refusals that go on."""

import time
from concurrent.futures import ThreadPoolExecutor

from pydantic import Field, PrivateAttr

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.mutants.lies.base import Asked, Forward, Lie, broken_reply


class Delay(Lie):
    """Answers right and late."""

    name = "delay"
    seconds: float = Field(gt=0, le=3600)

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        time.sleep(self.seconds)
        return self._tell(forward(asked))


class Stall(Lie):
    """Stands still for the first `for_s` of every `every_s` seconds; all who come then wait."""

    name = "stall"
    for_s: float = Field(gt=0, le=3600)
    every_s: float = Field(gt=0, le=3600)
    _zero: float = PrivateAttr(default_factory=time.monotonic)

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        left = self.for_s - (time.monotonic() - self._zero) % self.every_s
        if left <= 0:
            return forward(asked)
        time.sleep(left)
        return self._tell(forward(asked))


class Trip(Lie):
    """Refuses everything for `for_s` once the server broke, hung up or was late by `after_s`.

    As a circuit breaker does. With no `status` it hangs up.
    """

    name = "trip"
    for_s: float = Field(gt=0, le=3600)
    after_s: float = Field(gt=0, le=3600)
    status: int | None = Field(default=None, ge=400, le=599)
    _open_until: float = PrivateAttr(default=0.0)

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        with self._lock:
            is_open = time.monotonic() < self._open_until
        if not is_open and (reply := self._in_time(asked, forward)) is not None:
            return reply
        if not is_open:
            with self._lock:
                self._open_until = time.monotonic() + self.for_s
        if self.status is None:
            raise NoReply("reset", "the proxy hangs up", 0)
        return self._tell(broken_reply(self.status))

    def _in_time(self, asked: Asked, forward: Forward) -> Reply | None:
        """The server's answer; None when it broke, hung up or was late."""
        pool = ThreadPoolExecutor(1)
        try:
            reply = pool.submit(forward, asked).result(self.after_s)
        except (NoReply, TimeoutError):
            return None
        finally:
            pool.shutdown(wait=False)
        return reply if reply.status < 500 else None


LIES: tuple[type[Lie], ...] = (
    Delay, Stall, Trip,
)  # fmt: skip
"""All of them."""
