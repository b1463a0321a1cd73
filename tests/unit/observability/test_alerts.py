# SPDX-License-Identifier: Apache-2.0
"""The alerts of rules, what Alertmanager says of them, and their course over a fault."""

import base64
import json
from typing import Any

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import ClosedInside
from mlflow_conformance.observability.alerts import alerts_of, hurried
from mlflow_conformance.observability.course import Course, fired_within, silent
from mlflow_conformance.observability.notices import Notice, Notices, notices_in
from mlflow_conformance.observability.prometheus import Alert, Prometheus

RULES: dict[str, Any] = {
    "kind": "PrometheusRule",
    "spec": {
        "groups": [
            {"name": "g", "rules": [{"alert": "Down", "expr": "up == 0", "for": "5m"}]},
            {
                "name": "h",
                "rules": [{"alert": "Failed", "expr": "f"}, {"record": "r", "expr": "e"}],
            },
        ]
    },
}
WAITER = Waiter()


class Watched(Prometheus):
    """A Prometheus whose alerts have the next of some states at every look; the last one stays."""

    def __init__(self, *states: dict[str, str]) -> None:
        super().__init__(lambda *_, **__: None, "", 1)  # type: ignore[arg-type]
        object.__setattr__(self, "states", list(states))

    def alerts(self) -> list[Alert]:
        """See `Prometheus.alerts`."""
        states: list[dict[str, str]] = self.states  # type: ignore[attr-defined]
        now = states.pop(0) if len(states) > 1 else states[0]
        return [Alert(name, 5, state, "") for name, state in now.items()]


class Told(Notices):
    """A receiver to which the next of some messages has come at every look."""

    def __init__(self, *each: list[Notice]) -> None:
        super().__init__(ClosedInside("none"), 1, "")
        object.__setattr__(self, "each", [list(e) for e in each])

    def so_far(self) -> list[Notice]:
        """See `Notices.so_far`."""
        each: list[list[Notice]] = self.each  # type: ignore[attr-defined]
        return each.pop(0) if len(each) > 1 else each[0]


def test_every_alert_has_the_time_that_its_expression_must_hold() -> None:
    assert alerts_of([RULES, {"kind": "ConfigMap"}]) == {"Down": 300, "Failed": 0}


def test_only_what_is_longer_is_hurried_and_what_was_shipped_stays() -> None:
    assert alerts_of(hurried([RULES], 15)) == {"Down": 15, "Failed": 0}
    assert (
        alerts_of(hurried([RULES], 600)) == alerts_of(hurried([RULES], None)) == alerts_of([RULES])
    )
    assert alerts_of([RULES])["Down"] == 300


def test_a_message_has_every_alert_of_its_group() -> None:
    alerts = [
        {"labels": {"alertname": "Down"}, "status": "firing"},
        {"labels": {"alertname": "Slow"}, "status": "resolved"},
    ]
    body = base64.b64encode(json.dumps({"status": "firing", "alerts": alerts}).encode()).decode()
    assert notices_in({"body_base64": body, "age_s": 2}, 10) == [
        Notice("Down", "firing", 8),
        Notice("Slow", "resolved", 8),
    ]


def test_an_alert_of_before_the_fault_has_not_arrived() -> None:
    old = [Notice("Down", "firing", 0), Notice("Down", "resolved", 0)]
    course = Course(Watched({"Down": "firing"}), Told(old), ["Down"], WAITER)
    course.begun(0)
    assert (list(course.seconds["fired"]), list(course.seconds["arrived"])) == (["Down"], [])
    course.ended(0)
    assert course.seconds["resolved"] == {}


def test_what_people_were_told_has_fired_and_is_over_when_they_were_told_so() -> None:
    heard = [Notice("Down", "firing", 0)]
    told = Told([], heard, [*heard, Notice("Down", "resolved", 0)])
    course = Course(Watched({"Down": "inactive"}), told, ["Down"], WAITER)
    course.begun(9)
    course.ended(9)
    assert {event: list(seen) for event, seen in course.seconds.items()} == {
        "fired": ["Down"],
        "arrived": ["Down"],
        "resolved": ["Down"],
    }
    assert max(course.waited_s.values()) < 9


def test_people_may_be_told_that_an_alert_is_over_while_its_fault_is_being_undone() -> None:
    heard = [Notice("Down", "firing", 0)]
    course = Course(Watched({"Down": "firing"}), Told([], heard), ["Down"], WAITER)
    course.begun(9)
    told_at = course.clock + course.until_s
    course.notices = Told([*heard, Notice("Down", "resolved", told_at)])
    course.ended(9)
    assert course.over_s is not None
    assert course.seconds["resolved"]["Down"] == told_at - course.clock - course.over_s < 0


def test_a_course_says_when_the_fault_was_made_and_undone_and_what_waited() -> None:
    watched = Watched({"Down": "pending"}, {"Down": "firing"})
    heard = [Notice("Down", "firing", 0)]
    told = Told([], [], heard, [*heard, Notice("Down", "resolved", 0)])
    course = Course(watched, told, ["Down"], WAITER)
    course.begun(9)
    course.ended(9)
    made, undoing, over = course.made_s, course.undoing_s, course.over_s
    assert made is not None
    assert undoing is not None
    assert over is not None
    assert 0 <= made < undoing <= over <= course.until_s
    assert course.lasted_s == over - made
    assert course.pending["Down"] < course.seconds["fired"]["Down"]


def test_a_course_that_was_not_gone_through_says_no_moments() -> None:
    course = Course(Watched({}), Told([]), [], WAITER)
    assert (course.made_s, course.over_s, course.lasted_s) == (None, None, None)


def test_what_is_still_active_when_the_time_is_over_is_told() -> None:
    watched = Watched({"Down": "pending", "Other": "firing"})
    assert silent(watched, ["Down"], 0, WAITER) == {"Down": "pending"}
    assert silent(Watched({"Down": "inactive"}), ["Down"], 9, WAITER) == {}


def test_whatever_fires_once_while_it_is_watched_is_told() -> None:
    watched = Watched({"Down": "firing"}, {"Down": "pending"})
    assert fired_within(watched, ["Down"], 0.5, WAITER) == {"Down"}
