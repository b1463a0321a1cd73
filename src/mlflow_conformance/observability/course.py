# SPDX-License-Identifier: Apache-2.0
"""The course of alerts over one fault: when each fires, is told to people, and resolves."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.observability.notices import Notices
from mlflow_conformance.observability.prometheus import Prometheus

_LOOK_S = 1.0
Event = Literal["fired", "arrived", "resolved"]
EVENTS: Sequence[Event] = ("fired", "arrived", "resolved")


@dataclass
class Course:
    """What some alerts did.

    It begins when the fault is about to be made.

    Attributes:
        shipped, for_s: how long the expression of each must hold before it fires, as the
            deployment has it and as Prometheus does, seconds.
        seconds: of each event, by alert: from when the fault was in effect until it was seen, and
            `resolved` from its end: less than 0 where people were told before that.
        pending: by alert, from when the fault was in effect until it waited to fire, where that
            was seen: one that need not wait never does.
        waited_s: how long each event was waited for.
        clock: when it began, of `time.monotonic`, seconds.
        made_s, undoing_s, over_s, until_s: from then until the fault was in effect, until it
            began to be undone, until it was over, and until nothing more was looked for.
    """

    prometheus: Prometheus
    notices: Notices
    alerts: Sequence[str]
    waiter: Waiter
    shipped: Mapping[str, float] = field(default_factory=dict)
    for_s: Mapping[str, float] = field(default_factory=dict)
    seconds: dict[Event, dict[str, float]] = field(default_factory=lambda: {e: {} for e in EVENTS})
    pending: dict[str, float] = field(default_factory=dict)
    waited_s: dict[Event, float] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.monotonic)
    made_s: float | None = None
    undoing_s: float | None = None
    over_s: float | None = None
    until_s: float = 0.0

    @property
    def lasted_s(self) -> float | None:
        """From when the fault was in effect until it was over."""
        if self.made_s is None or self.over_s is None:
            return None
        return self.over_s - self.made_s

    @property
    def _now_s(self) -> float:
        return time.monotonic() - self.clock

    def begun(self, most_s: float) -> None:
        """Wait until all of them fire and have arrived, or the time is over.

        Raises:
            NoReply, NoAnswer: Prometheus does not answer.
            InsideFailed: the runner does not answer.
        """
        self.made_s = self._now_s
        heard = len(self.notices.so_far())
        fired, arrived = self.seconds["fired"], self.seconds["arrived"]

        def look(now: float) -> bool:
            states = {a.name: a.state for a in self.prometheus.alerts()}
            firing = {name for name, state in states.items() if state == "firing"}
            told = {n.alert for n in self.notices.so_far()[heard:] if n.status == "firing"}
            for name in self.alerts:
                if states.get(name) == "pending":
                    self.pending.setdefault(name, now)
                if name in firing | told:
                    fired.setdefault(name, now)
                if name in told:
                    arrived.setdefault(name, now)
            return len(arrived) == len(self.alerts)

        waited = _watched("alerts told", look, most_s, self.waiter)
        self.waited_s |= {"fired": waited, "arrived": waited}
        self.undoing_s = self.until_s = self._now_s

    def ended(self, most_s: float) -> None:
        """Wait until people were told that all those which had arrived are over, or the time is.

        Raises:
            InsideFailed: the runner does not answer.
        """
        self.over_s = over_s = self._now_s
        resolved = self.seconds["resolved"]

        def look(_: float) -> bool:
            last = {notice.alert: notice for notice in self.notices.so_far()}
            for name in self.seconds["arrived"]:
                # An alert may be over while what it is about is still being put back.
                if name in last and last[name].status == "resolved":
                    resolved.setdefault(name, last[name].at - self.clock - over_s)
            return len(resolved) == len(self.seconds["arrived"])

        self.waited_s["resolved"] = _watched("alerts resolved", look, most_s, self.waiter)
        self.until_s = self._now_s


def active(prometheus: Prometheus, alerts: Sequence[str]) -> dict[str, str]:
    """The state of those of some alerts that are pending or fire.

    Raises:
        NoReply, NoAnswer: Prometheus does not answer.
    """
    return {
        a.name: a.state for a in prometheus.alerts() if a.name in alerts and a.state != "inactive"
    }


def silent(
    prometheus: Prometheus, alerts: Sequence[str], most_s: float, waiter: Waiter
) -> dict[str, str]:
    """Wait until none of some alerts is active; those that are when the time is over.

    Raises:
        NoReply, NoAnswer: Prometheus does not answer.
    """
    seen: dict[str, str] = {}

    def look(_: float) -> bool:
        nonlocal seen
        seen = active(prometheus, alerts)
        return not seen

    _watched("alerts silent", look, most_s, waiter)
    return seen


def fired_within(
    prometheus: Prometheus, alerts: Sequence[str], for_s: float, waiter: Waiter
) -> set[str]:
    """Watch for some time, seconds; which of some alerts fired.

    Raises:
        NoReply, NoAnswer: Prometheus does not answer.
    """
    firing: set[str] = set()

    def look(_: float) -> bool:
        firing.update(n for n, state in active(prometheus, alerts).items() if state == "firing")
        return False

    _watched("the time of the load", look, for_s, waiter)
    return firing


def _watched(what: str, look: Callable[[float], bool], most_s: float, waiter: Waiter) -> float:
    """Look until it is all there, or for some time; how long that was, seconds."""
    begin = time.monotonic()

    def seen() -> bool:
        return look(time.monotonic() - begin) or time.monotonic() - begin > most_s

    waiter.until(what, seen, done=bool, timeout="alerts watched", interval_s=_LOOK_S)
    return time.monotonic() - begin
