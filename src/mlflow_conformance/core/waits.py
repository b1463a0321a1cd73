# SPDX-License-Identifier: Apache-2.0
"""The one way to wait: for a condition, with a named time-out and the last thing that was seen."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

_T = TypeVar("_T")

TIMEOUTS: dict[str, float] = {
    "alerts watched": 900,
    "api reply": 10,
    "backup finished": 180,
    "clean-up": 20,
    "cluster ready": 180,
    "connections held": 300,
    "connections open": 60,
    "container restarted": 90,
    "denied connection": 3,
    "deployment ready": 240,
    "disruption budget": 30,
    "door standing": 10,
    "drained": 120,
    "endpoint reachable": 60,
    "experiment": 420,
    "fault in effect": 30,
    "autoscaler at rest": 150,
    "autoscaler back": 900,
    "metrics of the autoscaler": 90,
    "model served": 300,
    "monitoring ready": 180,
    "job scheduled": 75,
    "load begun": 60,
    "load recorded": 20,
    "log written": 15,
    "login settled": 90,
    "namespace gone": 90,
    "nodes removed": 240,
    "object deleted": 60,
    "pod ready": 90,
    "policy enforced": 30,
    "program ended": 180,
    "put back": 30,
    "restore begun": 60,
    "restore finished": 300,
    "scraped": 60,
    "rollout": 180,
    "whole again": 180,
    "writes acknowledged": 90,
    "rolled back": 100,
    "share in effect": 60,
    "surge": 900,
    "traces arrived": 60,
    "transactions over": 90,
    "upgraded": 420,
    "upload settled": 90,
    "webhook delivered": 30,
    "webhook list": 90,
    "webhook repeated": 180,
    "window written": 300,
    "workflow ended": 420,
    "workflow started": 60,
}
"""Seconds, for a machine with 2 cores; a profile's `time_scale` multiplies all of them."""


_MOST_SEEN = 2000


class TimedOut(Exception):  # noqa: N818 - an observation rather than a defect
    """A condition did not come true in time; says what was last seen, of much the beginning."""

    def __init__(self, condition: str, seconds: float, last: object) -> None:
        self.last = last
        seen = str(last)
        if len(seen) > _MOST_SEEN:
            seen = f"{seen[:_MOST_SEEN]}… ({len(seen)} characters)"
        super().__init__(f"not {condition} within {seconds:.0f} s; last seen: {seen}")


class Hopeless(Exception):  # noqa: N818 - an observation rather than a defect
    """A condition can no longer come true, so waiting on would only hide why."""


class Waits:
    """How long was waited until now, by the name of the time-out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = defaultdict(float)

    def add(self, timeout: str, seconds: float) -> None:
        """Count one wait."""
        with self._lock:
            self._seconds[timeout] += seconds

    def seconds(self) -> Mapping[str, float]:
        """All until now; of waits that went on beside each other each counts."""
        with self._lock:
            return dict(self._seconds)


@dataclass(frozen=True)
class Waiter:
    """Waits with every named time-out scaled by one factor.

    Attributes:
        waits: what it has waited until now.
    """

    scale: float = 1.0
    waits: Waits = field(default_factory=Waits, compare=False, repr=False)

    def seconds(self, timeout: str) -> float:
        """The scaled length of a named time-out.

        Raises:
            KeyError: there is no time-out of that name.
        """
        return TIMEOUTS[timeout] * self.scale

    def until(
        self,
        condition: str,
        observe: Callable[[], _T],
        *,
        done: Callable[[_T], bool],
        timeout: str,
        hopeless: Callable[[_T], str | None] = lambda _: None,
        successes: int = 1,
        interval_s: float = 0.5,
    ) -> _T:
        """Observe until `done` holds `successes` times in a row; returns the last observation.

        Args:
            condition: what is waited for, as it reads after "not …" in a message.
            observe: looks once. What it raises goes through: a failing look is no observation.
            done: whether an observation is what is waited for.
            timeout: a name in `TIMEOUTS`.
            hopeless: a reason why waiting is pointless now, or None.
            interval_s: pause between looks, seconds.

        Raises:
            TimedOut: the time is over; its message holds the last observation.
            Hopeless: `hopeless` gave a reason.
        """
        limit, started, streak = self.seconds(timeout), time.monotonic(), 0
        try:
            while True:
                seen = observe()
                streak = streak + 1 if done(seen) else 0
                if streak >= successes:
                    return seen
                if streak == 0 and (reason := hopeless(seen)):
                    raise Hopeless(f"{condition}: {reason}")
                if time.monotonic() + interval_s > started + limit:
                    raise TimedOut(condition, limit, seen)
                time.sleep(interval_s)
        finally:
            self.waits.add(timeout, time.monotonic() - started)

    def last_seen(
        self,
        condition: str,
        observe: Callable[[], _T],
        *,
        done: Callable[[_T], bool],
        timeout: str,
        successes: int = 1,
        interval_s: float = 0.5,
    ) -> _T:
        """As `until`, for what is judged afterwards: the last observation, also when time is over.

        Raises:
            KeyError: there is no time-out of that name.
        """
        try:
            return self.until(
                condition,
                observe,
                done=done,
                timeout=timeout,
                successes=successes,
                interval_s=interval_s,
            )
        except TimedOut as late:
            return cast(_T, late.last)
