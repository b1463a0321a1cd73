# SPDX-License-Identifier: Apache-2.0
"""Jobs that a documented line made: how they ended, what they said, and more of the same kind."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import TimedOut, Waiter

Outcome = Literal["complete", "failed", "unfinished", "absent"]
"""How a Job ended; `unfinished` when its time was over, `absent` when none was made."""

_CONTROLLERS = (
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
)


@dataclass(frozen=True)
class Job:
    """A Job at its end.

    Attributes:
        said: what its pods wrote, the oldest first.
    """

    name: str
    outcome: Outcome
    said: str

    @property
    def sentence(self) -> str:
        """The last line that it wrote."""
        lines = self.said.strip().splitlines()
        return lines[-1] if lines else ""


def names(kube: Kube, selector: Mapping[str, str]) -> set[str]:
    """The names of the Jobs that have these labels.

    Raises:
        KubeFailed: the API server refused.
    """
    return {item["metadata"]["name"] for item in kube.items("job", labels=selector)}


def at_end(kube: Kube, name: str, waiter: Waiter, timeout: str) -> Job:
    """Wait for the end of a Job; how it ended when the time is over is an outcome, too.

    Raises:
        KubeFailed: there is no such Job.
    """
    try:
        outcome = waiter.until(
            f"ended: job {name}",
            lambda: outcome_of(kube.get("job", name)),
            done=lambda seen: seen != "unfinished",
            timeout=timeout,
            interval_s=0.3,
        )
    except TimedOut:
        outcome = "unfinished"
    return Job(name, outcome, said(kube, name))


def outcome_of(job: Mapping[str, Any]) -> Outcome:
    """How a Job ended, from its conditions."""
    if holds(job, "Complete"):
        return "complete"
    return "failed" if holds(job, "Failed") else "unfinished"


def said(kube: Kube, name: str) -> str:
    """What the pods of a Job wrote; a pod that never started wrote nothing."""
    pods = kube.pods({"batch.kubernetes.io/job-name": name})
    texts = []
    for pod in sorted(pods, key=lambda p: p.raw["metadata"]["creationTimestamp"]):
        try:
            texts.append(kube.log(pod.name))
        except KubeFailed as problem:
            texts.append(f"[no log: {problem}]\n")
    return "".join(texts)


def like(pattern: Mapping[str, Any], name: str, words: Mapping[str, str]) -> dict[str, Any]:
    """The manifest of another Job of a Job's kind.

    Args:
        pattern: a Job as the API server has it.
        words: texts of its specification that are others in the new one; each is replaced where
            it is the whole of a value.
    """
    spec = _replaced(copy.deepcopy(pattern["spec"]), words)
    for key in ("selector", "manualSelector"):
        spec.pop(key, None)
    labels = spec["template"]["metadata"].get("labels", {})
    for key in _CONTROLLERS:
        labels.pop(key, None)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": pattern["metadata"]["namespace"],
            "labels": pattern["metadata"].get("labels", {}),
        },
        "spec": spec,
    }


def _replaced(value: Any, words: Mapping[str, str]) -> Any:
    match value:
        case str():
            return words.get(value, value)
        case list():
            return [_replaced(v, words) for v in value]
        case dict():
            return {k: _replaced(v, words) for k, v in value.items()}
        case _:
            return value


def remove(kube: Kube, jobs: Sequence[str]) -> None:
    """Delete Jobs and their pods, as far as they are there.

    Raises:
        KubeFailed: the API server refused.
    """
    for job in jobs:
        kube.delete("job", job, missing_ok=True)
