# SPDX-License-Identifier: Apache-2.0
"""Whether containers run on, as the statuses of their pods tell of what was before."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.container_statuses import (
    ContainerStatus,
    last_end,
    statuses,
    waiting,
)
from mlflow_conformance.cluster.pods import ENDED
from mlflow_conformance.cluster.workloads import stuck_pod

_NO_MEMORY = "OOMKilled"
_AGAIN = "CrashLoopBackOff"


def out_of_memory(pod: Mapping[str, Any]) -> list[str]:
    """The containers of a pod that were killed for their memory, now or in the run before."""
    return [
        status["name"]
        for status in statuses(pod)
        if any(
            (state.get("terminated") or {}).get("reason") == _NO_MEMORY
            for state in (status.get("state") or {}, status.get("lastState") or {})
        )
    ]


def restarting(pod: Mapping[str, Any], most: int, lasting_s: float) -> dict[str, int]:
    """The containers that restart again and again, with how often they did.

    Who waits for the next restart does, and who restarted more often than is allowed; but not where
    the run before the last restart went on for long: a node that is rebooted once a month counts as
    a restart of everything on it.

    Args:
        most: restarts that say nothing.
        lasting_s: how long a run is long, seconds.
    """
    return {
        status["name"]: status.get("restartCount", 0)
        for status in statuses(pod)
        if waiting(status).get("reason") == _AGAIN
        or (status.get("restartCount", 0) > most and _last_run_s(status) < lasting_s)
    }


def _last_run_s(status: ContainerStatus) -> float:
    """For how long a container ran before its last restart; 0 where nobody knows any more."""
    ended = last_end(status)
    begin, end = ended.get("startedAt"), ended.get("finishedAt")
    if not begin or not end:
        return 0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def unready(pod: Mapping[str, Any], now: datetime, starting_s: float) -> str | None:
    """Why a pod should serve and does not; None when it does, has ended, is ending, or starts.

    Args:
        starting_s: for how long a pod may not be ready after it was made.
    """
    meta, status = pod["metadata"], pod.get("status") or {}
    if "deletionTimestamp" in meta or status.get("phase") in ENDED:
        return None
    if stuck := stuck_pod(pod):
        return stuck
    age_s = (now - datetime.fromisoformat(meta["creationTimestamp"])).total_seconds()
    # A Job's pod works and serves nobody: it is not ready before it has started, no more.
    if holds(pod, "Ready") or age_s < starting_s:
        return None
    return f"{status.get('phase', 'Unknown')}, not ready {age_s:.0f} s after it was made"
