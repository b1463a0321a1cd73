# SPDX-License-Identifier: Apache-2.0
"""Whether a deployment that is whole stays so: what comes and goes is whole in some looks, too."""

import time
from typing import NamedTuple

from mlflow_conformance.cluster.view import look
from mlflow_conformance.core.waits import TimedOut
from mlflow_conformance.disruption.scene import Scene
from mlflow_conformance.disruption.wholeness import missing, restarts


class _Glance(NamedTuple):
    whole_for_s: float
    left: list[str]


class _Streak:
    """Looks in a row at a whole deployment in which nothing is restarted."""

    def __init__(self, play: Scene) -> None:
        self._play = play
        self._counts: dict[tuple[str, str], int] | None = None
        self.began: float | None = None

    def observe(self) -> _Glance:
        """Look once."""
        view, now = look(self._play.kube), time.monotonic()
        left, counts = missing(self._play, view), restarts(self._play, view)
        before = self._counts if self._counts is not None else counts
        left += [
            f"container {name} restarted"
            for (uid, name), count in counts.items()
            if count > before.get((uid, name), count)
        ]
        self._counts = counts
        if left:
            self.began = None
        elif self.began is None:
            self.began = now
        return _Glance(0.0 if self.began is None else now - self.began, left)


def whole_from(play: Scene, steady_s: float) -> float | None:
    """Watch until the deployment was whole for so long without a break.

    Returns how long after the first look that began, seconds: 0 when it was whole from the first
    look on; None when it does not come to it in time.
    """
    streak, started = _Streak(play), time.monotonic()
    first: list[float | None] = []

    def observe() -> _Glance:
        seen = streak.observe()
        first.append(streak.began)
        return seen

    try:
        play.waiter.until(
            f"whole for {steady_s:g} s: the deployment",
            observe,
            done=lambda seen: not seen.left and seen.whole_for_s >= steady_s,
            timeout="whole again",
        )
    except TimedOut:
        return None
    if streak.began is None or streak.began == first[0]:
        return 0.0
    return streak.began - started
