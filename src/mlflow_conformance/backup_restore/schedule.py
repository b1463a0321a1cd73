# SPDX-License-Identifier: Apache-2.0
"""Backups that nobody asked for: the Jobs that a CronJob's controller makes, and one seen made."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.templates import pod_of
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.evidence.model import Operator
from mlflow_conformance.target.backups import jobs
from mlflow_conformance.target.backups.jobs import Job
from mlflow_conformance.target.backups.store import Store
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed

_FAILURES = ("Failed", "FailureTarget")
"""A Job that failed, and one whose pods have yet to go."""
_UTC = ("Etc/UTC", "UTC", "Etc/UCT", "UCT", "Etc/Universal", "Universal", "Etc/Zulu", "Zulu",
        "Etc/GMT", "GMT")  # fmt: skip
"""Names of the one zone that never changes its clocks (IANA time zone database, backward)."""
_BY_HAND = "cronjob.kubernetes.io/instantiate"
_NUDGE = {"metadata": {"annotations": {"mlflow-conformance/moved": "now"}}}
_NEVER = "never"
_EVERY_MINUTE: dict[str, Any] = {"spec": {"schedule": "* * * * *"}}


def of_cronjob(kube: Kube, cronjob: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The Jobs of a CronJob: those that it owns, and those that it takes for running.

    Raises:
        KubeFailed: they may not be read.
    """
    uid = cronjob["metadata"]["uid"]
    running = {ref["uid"] for ref in cronjob.get("status", {}).get("active") or []}
    return [
        job
        for job in kube.items("job")
        if job["metadata"]["uid"] in running
        or any(o["uid"] == uid for o in job["metadata"].get("ownerReferences", []))
    ]


def shortest_deadline_s(job: Mapping[str, Any]) -> int | None:
    """The time after which the first of a Job and its pods is ended; None when neither is.

    Args:
        job: the specification of a Job.
    """
    pod = job["template"]["spec"]
    limits = [limit for of in (job, pod) if (limit := of.get("activeDeadlineSeconds")) is not None]
    return min(limits, default=None)


def hanging(found: Sequence[Mapping[str, Any]], within_s: float, now: datetime) -> list[str]:
    """Jobs that may never end, and so keep every later backup from starting.

    Args:
        within_s: how long one may take; a Job that has no such limit itself has none.
    """
    told = []
    for job in found:
        if jobs.outcome_of(job) != "unfinished":
            continue
        age = (now - _time(job["metadata"]["creationTimestamp"])).total_seconds()
        limit = job["spec"].get("activeDeadlineSeconds")
        if age > within_s:
            told.append(f"{job['metadata']['name']}: goes on for {age:.0f} s")
        elif limit is None or limit > within_s:
            told.append(f"{job['metadata']['name']}: may go on for {limit or 'ever'}")
    return told


def failed_since(found: Sequence[Mapping[str, Any]], success: str | None) -> list[str]:
    """Jobs that failed after the last one that succeeded; those that people made do not count.

    Args:
        success: when that was, as Kubernetes writes it; None if none ever did.
    """
    return sorted(
        job["metadata"]["name"]
        for job in found
        if any(holds(job, c) for c in _FAILURES)
        and _BY_HAND not in job["metadata"].get("annotations", {})
        and (success is None or _failed_at(job) > _time(success))
    )


def others_like(cronjobs: Sequence[Mapping[str, Any]], named: Mapping[str, Any]) -> list[str]:
    """Names of other CronJobs that run the same program and are not suspended.

    Two that make backups make some at once, and each deletes what the other one counts.
    """
    own = _program(named)
    return sorted(
        other["metadata"]["name"]
        for other in cronjobs
        if other["metadata"]["uid"] != named["metadata"]["uid"]
        and not other["spec"].get("suspend")
        and _program(other) == own
    )


def _program(cronjob: Mapping[str, Any]) -> list[Sequence[Any]]:
    """Image, command and arguments of every container of a CronJob's pods."""
    return [(c["image"], c.get("command"), c.get("args")) for c in pod_of(cronjob)["containers"]]


def spellings(zone: str | None) -> list[str | None]:
    """The names of a time zone that mean the same as one, itself among them; None for no zone."""
    return list(_UTC) if zone in _UTC else [zone]


def age_s(moment: str | None, now: datetime) -> float | None:
    """Seconds since a moment that Kubernetes wrote; None when there was none."""
    return None if moment is None else round((now - _time(moment)).total_seconds(), 1)


def at_most(seconds: float | None, most: float) -> tuple[float | str, Operator, float | str]:
    """What is observed of a time, how it is compared, and with what; None is one that never comes.

    A time that never comes breaks every bound, and can be compared with none.
    """
    return (_NEVER, "!=", _NEVER) if seconds is None else (seconds, "<=", most)


def _failed_at(job: Mapping[str, Any]) -> datetime:
    conditions = job["status"]["conditions"]
    return _time(next(c["lastTransitionTime"] for c in conditions if c["type"] in _FAILURES))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class ScheduledBackup:
    """A backup that the CronJob's controller started because its time had come.

    Attributes:
        job: the name of its Job; None when none was made in time.
        said: what the controller told meanwhile in events.
    """

    def __init__(
        self, kube: Kube, store: Store, waiter: Waiter, job: str | None, before: set[str]
    ) -> None:
        """Take the name of a Job that may be going on still, and the good backups before it."""
        self._kube, self._store, self._waiter, self._before = kube, store, waiter, before
        self.job = job
        self.said = [] if job else _events(kube, store.names.cronjob)

    def settle(self) -> None:
        """Wait until it ended, and see now what it left: others may make backups after it.

        Raises:
            KubeFailed, InsideFailed: cluster or bucket could not be read.
        """
        _ = self.stored

    @cached_property
    def ended(self) -> Job:
        """How it ended; waits for that.

        Raises:
            KubeFailed: the cluster could not be read.
        """
        if self.job is None:
            return Job("", "absent", "")
        return jobs.at_end(self._kube, self.job, self._waiter, "backup finished")

    @cached_property
    def stored(self) -> list[str]:
        """The good backups since its start, once it ended; later ones are not looked for.

        Raises:
            KubeFailed, InsideFailed: cluster or bucket could not be read.
        """
        ended = self.ended.outcome == "complete"
        return sorted(set(self._store.good()) - self._before) if ended else []


def started_by_schedule(target: Target, store: Store, waiter: Waiter) -> ScheduledBackup:
    """Move the schedule until its controller makes a Job, and put it back at once.

    The controller makes up for the minute that has just passed as soon as something else of the
    CronJob changes, so that this rarely takes a minute.

    Raises:
        Unusable: there is no such CronJob, or it could not be put back.
        KubeFailed: the cluster could not be read or changed.
    """
    kube, cronjob = target.need_kube(), store.names.cronjob
    before = set(store.good())
    known = _names(kube, cronjob)
    moved = ObjectChange(kind="cronjob", name=cronjob, patch_type="merge", patch=_EVERY_MINUTE)
    with changed(target, [moved], waiter):
        kube.patch("cronjob", cronjob, _NUDGE, how="merge")
        try:
            made = waiter.until(
                f"made: a Job by the schedule of {cronjob}",
                lambda: _names(kube, cronjob) - known,
                done=bool,
                timeout="job scheduled",
            )
        except TimedOut:
            made = set()
    return ScheduledBackup(kube, store, waiter, max(made, default=None), before)


def _names(kube: Kube, cronjob: str) -> set[str]:
    found = of_cronjob(kube, kube.get("cronjob", cronjob))
    return {
        job["metadata"]["name"]
        for job in found
        if _BY_HAND not in job["metadata"].get("annotations", {})
    }


def _events(kube: Kube, cronjob: str) -> list[str]:
    found = kube.items("event", fields={"involvedObject.name": cronjob})
    return [brief(f"{e.get('reason')}: {e.get('message')}") for e in found][-3:]
