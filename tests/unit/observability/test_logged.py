# SPDX-License-Identifier: Apache-2.0
"""Lines that a collector of logs can use, and those that it cannot."""

import json
import re

import pytest

from mlflow_conformance.observability.logged import LoggedText, faults, misdated, tellers
from mlflow_conformance.observability.thresholds import LineKeys

KEYS = LineKeys(time="time", level="level", message="message", id="request_id")
GOOD = '{"time": "2026-11-30T09:28:59.709+00:00", "level": "INFO", "message": "request"}'
NONE: list[re.Pattern[str]] = []


def _log(*lines: str, pod: str = "mlflow-1") -> LoggedText:
    return LoggedText(pod, "\n".join(lines) + "\n")


def test_lines_of_json_have_no_fault() -> None:
    found = faults([_log(GOOD, GOOD.replace('"2026-11-30T09:28:59.709+00:00"', "1796030939.7"))],
                   KEYS, NONE)  # fmt: skip
    assert (found.read, found.no_object, found.incomplete) == (2, [], [])


def test_a_message_may_hold_other_ends_of_lines() -> None:
    assert faults([_log(GOOD.replace("request", "a\u2028b\x85c"))], KEYS, NONE).no_object == []


@pytest.mark.parametrize(
    "line",
    ["Traceback (most recent call last):", "  File x, line 1", "7", "[1]", '"text"', GOOD[:-1]],
)
def test_what_is_no_object_is_found_where_it_stands(line: str) -> None:
    found = faults([_log(GOOD, line)], KEYS, NONE)
    assert found.no_object == [f"mlflow-1, line 2: {line[:80]}"]


@pytest.mark.parametrize(
    ("line", "lacks"),
    [
        ({"level": "INFO", "message": "m"}, "time"),
        ({"time": "yesterday", "level": "INFO", "message": "m"}, "time"),
        ({"time": "2026-11-30T09:28:59", "level": "INFO", "message": "m"}, "time"),
        ({"time": True, "level": "INFO", "message": "m"}, "time"),
        ({"time": 1, "message": "m"}, "level"),
        ({"time": 1, "level": "INFO", "message": ""}, "message"),
        ({"time": 1}, "level, message"),
    ],
)
def test_an_object_without_time_level_or_message(line: dict[str, object], lacks: str) -> None:
    [found] = faults([_log(json.dumps(line))], KEYS, NONE).incomplete
    assert found.endswith(f"(without {lacks})")


def test_what_is_known_to_be_printed_is_told_apart() -> None:
    plain = [re.compile("Registry store URI .*")]
    found = faults([_log("Registry store URI not provided.", "Registry", GOOD)], KEYS, plain)
    assert (len(found.known), len(found.no_object), found.read) == (1, 1, 3)


def test_a_password_in_a_line_is_not_repeated() -> None:
    [shown] = faults([_log("postgresql://u:s3cr3t-w0rd@db/x")], KEYS, NONE).no_object
    assert "s3cr3t" not in shown


def test_the_pods_that_tell_of_a_request() -> None:
    line = '{"request_id": "%s"}'
    logs = [
        _log(line % "a", line % "a", "text"),
        _log(line % "a", line % "b", "[]", pod="mlflow-2"),
    ]
    assert tellers(logs, "request_id", ["a", "b", "c"]) == {
        "a": {"mlflow-1", "mlflow-2"},
        "b": {"mlflow-2"},
        "c": set(),
    }


@pytest.mark.parametrize(
    ("said", "away"),
    [
        ("2026-11-30T09:28:59.709+00:00", None),
        ("2026-11-30T10:28:59.709+01:00", None),
        (1796030939.7, None),
        (1796030939709, None),
        (1796030939709000000, None),
        ("2026-11-30T11:28:59.709+00:00", "mlflow-1, line 1: +7200 s"),
        ("2026-11-30T09:28:59", None),
    ],
)
def test_a_line_says_when_its_request_was_sent(said: object, away: str | None) -> None:
    line = json.dumps({"time": said, "level": "INFO", "message": "m", "request_id": "a"})
    other = json.dumps({"time": 1, "request_id": "b"})
    found = misdated([_log(line, other)], KEYS, {"a": 1796030939.5}, 60)
    assert found == ([away] if away else [])
