# SPDX-License-Identifier: Apache-2.0
"""A restore caught half-way: its program stopped inside of its own container."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow_conformance.backup_restore import freeze, held
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter

_MARK = "mlflow-conformance-observer"
_HELD_S = 15
"""An observer is there within a second or two; a pod that has none loses this time once."""


@dataclass(frozen=True)
class Frozen:
    """A program that was stopped; `read` of `size` bytes of its last argument."""

    pod: str
    program: str
    read: int
    size: int
    state: str


def observed(job: Mapping[str, Any]) -> dict[str, Any]:
    """A Job whose program starts when `frozen_half_way` looks, since it may take a second in all.

    Raises:
        Undecided: the Job leaves its program to the image, so it cannot be held.
    """
    changed = copy.deepcopy(dict(job))
    container = changed["spec"]["template"]["spec"]["containers"][0]
    if not container.get("command"):
        raise Undecided(
            "the restore's Job names no command, so that it cannot be held at its start"
        )
    waiting = Path(held.__file__).read_text(encoding="utf-8")
    container["command"] = [
        "python", "-S", "-c", waiting, _MARK, str(_HELD_S), *container["command"],
    ]  # fmt: skip
    return changed


def frozen_half_way(kube: Kube, job: str, program: str, share: float, waiter: Waiter) -> Frozen:
    """Stop a program of a Job's pod when it has read a share of its last argument.

    Args:
        program: a regular expression that its command line, and no earlier one, matches.

    Raises:
        Undecided: it could not be stopped, so the restore was not caught half-way.
        TimedOut: the Job's pod did not start.
    """
    pod = waiter.until(
        f"running: the pod of job {job}",
        lambda: [p for p in kube.pods({"batch.kubernetes.io/job-name": job}) if p.started],
        done=bool,
        timeout="pod ready",
        interval_s=0.1,
    )[0]
    seconds = waiter.seconds("restore begun")
    try:
        found = kube.exec_json(
            pod.name, "python", "-S", "-", program, str(share), str(seconds), _MARK,
            stdin=Path(freeze.__file__).read_bytes(), timeout_s=seconds + 10,
        )  # fmt: skip
    except KubeFailed as problem:
        raise Undecided(f"the restore was over before it could be stopped: {problem}") from problem
    return Frozen(pod.name, found["program"], found["read"], found["of"], found["state"])
