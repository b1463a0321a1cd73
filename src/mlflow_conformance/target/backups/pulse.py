# SPDX-License-Identifier: Apache-2.0
"""Whether MLflow answered from its database all the while something else went on."""

import threading
import time
from typing import Self

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.closing import Closing
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.mlflow import MlflowApi

_EVERY_S = 0.1


class Pulse(Closing):
    """Asks a question that needs the database, over and over, for as long as the context lasts.

    Attributes:
        asked: how often.
        failures: when it was not answered with 200, seconds since the start, and with what.
    """

    def __init__(self, api: MlflowApi) -> None:
        self._api = api
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._started = time.monotonic()
        self.asked = 0
        self.failures: list[tuple[float, str]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        """Ask no more; waits for the answer to the last question."""
        self._stop.set()
        self._thread.join(2 * self._api.timeout_s)

    @property
    def described(self) -> list[str]:
        """The first failures, for a person."""
        return [f"{at:.1f} s: {what}" for at, what in self.failures[:10]]

    def _beat(self) -> None:
        while not self._stop.is_set():
            at = time.monotonic() - self._started
            self.asked += 1
            try:
                reply = self._api.get("experiments/search", max_results=1)
            except NoReply as problem:
                self.failures.append((at, brief(str(problem))))
            else:
                if reply.status != 200:
                    self.failures.append((at, f"HTTP {reply.status}"))
            self._stop.wait(_EVERY_S)
