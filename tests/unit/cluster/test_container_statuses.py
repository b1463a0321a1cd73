# SPDX-License-Identifier: Apache-2.0
"""What statuses of containers tell, also those that say little."""

from typing import Any

import pytest

from mlflow_conformance.cluster.container_statuses import has_log, last_end, statuses, waiting

WAITS: dict[str, Any] = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
ENDED: dict[str, Any] = {"terminated": {"exitCode": 1}}


def test_init_containers_come_first_or_not_at_all() -> None:
    pod = {
        "status": {"initContainerStatuses": [{"name": "a"}], "containerStatuses": [{"name": "b"}]}
    }
    assert [one["name"] for one in statuses(pod)] == ["a", "b"]
    assert [one["name"] for one in statuses(pod, init=False)] == ["b"]


@pytest.mark.parametrize("pod", [{}, {"status": None}, {"status": {"containerStatuses": None}}])
def test_a_pod_that_no_node_has_seen_says_nothing(pod: dict[str, Any]) -> None:
    assert statuses(pod) == []


@pytest.mark.parametrize(
    ("status", "log"),
    [
        ({"state": {"running": {}}}, True),
        ({"state": ENDED}, True),
        ({"state": WAITS, "lastState": ENDED}, True),
        ({"state": WAITS, "lastState": {}}, False),
        ({"state": {"waiting": {}}}, False),
    ],
)
def test_a_container_that_waits_has_the_log_of_its_run_before(
    status: dict[str, Any], log: bool
) -> None:
    assert has_log(status) is log


def test_why_it_waits_and_how_it_ended_are_empty_where_nobody_knows() -> None:
    status = {"state": WAITS, "lastState": ENDED}
    assert (waiting(status)["message"], last_end(status)["exitCode"]) == ("back-off", 1)
    assert (waiting({}), last_end({"state": ENDED, "lastState": None})) == ({}, {})
