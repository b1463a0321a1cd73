# SPDX-License-Identifier: Apache-2.0
"""A few requests of each kind: what failed, and how long half of them took."""

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.latency.others import TimedCalls, asked


def _answers(number: int) -> Reply:
    return Reply(200, {}, b"{}", number / 10)


def _breaks(number: int) -> Reply:
    if number == 0:
        raise NoReply("timeout", "", 30.0)
    return Reply(503 if number == 1 else 200, {}, b"{}", 0.1)


def test_what_failed_and_how_long_half_of_them_took() -> None:
    found = dict(asked({"good": _answers, "bad": _breaks}, 5))
    assert found == {
        "good": TimedCalls([], [0.0, 0.1, 0.2, 0.3, 0.4]),
        "bad": TimedCalls(["timeout", "503"], [30.0, 0.1, 0.1, 0.1, 0.1]),
    }
    assert [seen.median_s for seen in found.values()] == [0.2, 0.1]
