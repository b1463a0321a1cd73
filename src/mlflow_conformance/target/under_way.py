# SPDX-License-Identifier: Apache-2.0
"""Runs that are under way on a cluster: each has a runner pod, and an agent with a lock in it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.target.own_pods import HOME, RUNNER

LOCK = f"{HOME}/agent.lock"
STARTED = "mlflow-conformance/started"
"""The annotation of a pod whose agent has answered: until then only its maker may remove it."""
LONGEST = timedelta(hours=12)
"""Whatever is older than that belongs to no run that is under way."""
_RUN, _RUNNER = "mlflow-conformance/run", "mlflow-conformance/runner"
_FREE = (
    "import fcntl\n"
    "try:\n"
    f"    fcntl.flock(open({LOCK!r},'a'),fcntl.LOCK_EX|fcntl.LOCK_NB)\n"
    "    print('free')\n"
    "except BlockingIOError:\n"
    "    print('used')\n"
)

RunnerState = Literal["absent", "starting", "used", "free"]


@dataclass(frozen=True)
class RunMark:
    """By what the pods and namespaces of a run are known.

    Attributes:
        space: the namespace of its runner.
        held_by: the run that holds that runner, where it is another one; see `Run.held_by`.
    """

    run_id: str
    space: str
    held_by: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """What everything that it makes is labelled with."""
        return {_RUN: self.held_by or self.run_id, _RUNNER: self.space}

    @property
    def short(self) -> str:
        """The end of names that two runs must not share."""
        return hashlib.sha256(f"{self.space}/{self.run_id}".encode()).hexdigest()[:8]


def runner_state(kube: Kube, space: str) -> RunnerState:
    """How far the runner in a namespace is, whosever it is.

    Raises:
        KubeFailed: pods there may not be read.
    """
    found = kube.find("pod", RUNNER, namespace=space)
    if found is None or "deletionTimestamp" in found["metadata"]:
        return "absent"
    if STARTED not in (found["metadata"].get("annotations") or {}):
        return "starting"
    try:
        said = kube.exec(RUNNER, "python", "-c", _FREE, namespace=space, container=RUNNER)
    except KubeFailed as problem:
        # A pod that runs nothing has no agent; one that may not be asked has its secrets.
        return "used" if "forbidden" in str(problem).lower() else "free"
    return "used" if said.strip() == "used" else "free"


def is_under_way(kube: Kube, thing: Mapping[str, Any]) -> bool:
    """Whether the run that made a pod or namespace of this program is still going on.

    It is until its runner is gone, is another run's or has no agent, where anybody can say; and
    no longer than `LONGEST`.

    Args:
        thing: as the API server has it.

    Raises:
        KubeFailed: the API server does not answer.
    """
    meta = thing["metadata"]
    made = datetime.fromisoformat(meta["creationTimestamp"])
    if datetime.now(UTC) - made > LONGEST:
        return False
    labels = meta.get("labels") or {}
    run, space = labels.get(_RUN), labels.get(_RUNNER)
    if not run or not space:
        return True  # of a version that did not say whose it is
    try:
        runner = kube.find("pod", RUNNER, namespace=space)
        if runner is None or (runner["metadata"].get("labels") or {}).get(_RUN) != run:
            return False
        return runner_state(kube, space) in ("starting", "used")
    except KubeFailed as problem:
        if problem.status is None:
            raise
        return True  # whoever may not look leaves it alone
