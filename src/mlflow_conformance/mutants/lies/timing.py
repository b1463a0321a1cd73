# SPDX-License-Identifier: Apache-2.0
"""Lies about time: right answers that come late."""

import time

from pydantic import Field, PrivateAttr

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.mutants.lies.base import Asked, Forward, Lie


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


LIES: tuple[type[Lie], ...] = (
    Delay, Stall,
)  # fmt: skip
"""All of them."""
