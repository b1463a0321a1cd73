# SPDX-License-Identifier: Apache-2.0
"""What the statuses of pods tell of what was before."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mlflow_conformance.operations.steadiness import out_of_memory, restarting, unready

NOW = datetime(2026, 1, 1, 12, 10, tzinfo=UTC)
DAY = 86_400.0
READY = [{"type": "Ready", "status": "True"}]


def _pod(*containers: dict[str, Any], phase: str = "Running", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "one", "creationTimestamp": "2026-01-01T12:00:00Z"},
        "status": {"phase": phase, "containerStatuses": list(containers), **status},
    }


KILLED = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}


def test_a_kill_for_memory_is_seen_now_and_before() -> None:
    pod = _pod(
        {"name": "now", "state": KILLED},
        {"name": "before", "state": {"running": {}}, "lastState": KILLED},
        {"name": "other", "lastState": {"terminated": {"reason": "Error", "exitCode": 137}}},
        initContainerStatuses=[{"name": "first", "lastState": KILLED}],
    )
    assert out_of_memory(pod) == ["first", "now", "before"]
    assert out_of_memory({"metadata": {}}) == []


def test_restarts_count_beyond_the_bound_or_while_the_next_is_waited_for() -> None:
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    pod = _pod(
        {"name": "few", "restartCount": 2},
        {"name": "many", "restartCount": 3},
        {"name": "loop", "restartCount": 1, "state": waiting},
    )
    assert restarting(pod, 2, DAY) == {"many": 3, "loop": 1}


@pytest.mark.parametrize(
    ("started", "finished", "again"),
    [
        ("2025-12-01T12:00:00Z", "2026-01-01T11:00:00Z", False),
        ("2026-01-01T10:50:00Z", "2026-01-01T11:00:00Z", True),
        (None, "2026-01-01T11:00:00Z", True),
    ],
)
def test_restarts_that_are_far_apart_are_those_of_nodes(
    started: str | None, finished: str, again: bool
) -> None:
    ended = {"reason": "Unknown", "exitCode": 255, "startedAt": started, "finishedAt": finished}
    pod = _pod({"name": "old", "restartCount": 9, "lastState": {"terminated": ended}})
    assert bool(restarting(pod, 5, DAY)) is again


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        (_pod(conditions=READY), None),
        (_pod(), "Running, not ready 600 s after it was made"),
        (_pod(phase="Pending"), "Pending, not ready 600 s after it was made"),
        (_pod(phase="Succeeded"), None),
        (_pod(phase="Failed"), None),
        (
            _pod({"name": "c", "state": {"waiting": {"reason": "ErrImagePull"}}}),
            "pod one: c ErrImagePull",
        ),
    ],
)
def test_a_pod_that_should_serve_and_does_not(pod: dict[str, Any], why: str | None) -> None:
    assert unready(pod, NOW, 300) == why


def test_a_pod_that_begins_or_ends_need_not_be_ready() -> None:
    assert unready(_pod(), NOW, 900) is None
    ending = _pod()
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T12:09:00Z"
    assert unready(ending, NOW, 300) is None
