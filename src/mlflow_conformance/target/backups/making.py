# SPDX-License-Identifier: Apache-2.0
"""One backup and one restore by the documented lines, with what they cost."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.backup_names import RestoreNames
from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.target.backups import jobs
from mlflow_conformance.target.backups.jobs import Job
from mlflow_conformance.target.backups.lines import Lines
from mlflow_conformance.target.backups.pulse import Pulse
from mlflow_conformance.target.backups.store import Manifest, Store, time_of

_LINE_S = 240


@dataclass(frozen=True)
class Backup:
    """A backup that was made by hand.

    Attributes:
        line: what the documented line ended with, and what it printed if that is not 0.
        name: of the new backup in the bucket; None when there is none.
        began_ns, ended_ns: on the monotonic clock, before the line and after the Job's end.
    """

    line: str
    job: Job
    name: str | None
    manifest: Manifest | None
    began_ns: int
    ended_ns: int

    @property
    def seconds(self) -> float:
        """From the line to the Job's end."""
        return (self.ended_ns - self.began_ns) / 1e9

    @property
    def outcome(self) -> str:
        """``complete``, or how it failed in its own words."""
        if self.job.outcome == "complete" and self.name is None:
            return "complete, and no new backup is in the bucket"
        if self.job.outcome == "complete":
            return "complete"
        return f"{self.job.outcome}: {self.line if self.line else self.job.sentence}"

    def need_made(self) -> str:
        """Its name, for a check of something else than that it is made.

        Raises:
            Undecided: it was not made.
        """
        if self.name is None or self.outcome != "complete":
            raise Undecided(f"no backup was made that could be looked at: {self.outcome}")
        return self.name


def back_up(kube: Kube, lines: Lines, store: Store, job: str, waiter: Waiter) -> Backup:
    """Make a backup by the documented line.

    Args:
        job: name for its Job; must be new.

    Raises:
        KubeFailed, InsideFailed: cluster or bucket could not be read.
    """
    before = set(store.sizes())
    began = time.monotonic_ns()
    done = lines.run(store.names.command, job=job, timeout_s=_LINE_S)
    if done.code == 0:
        ended_job = jobs.at_end(kube, job, waiter, "backup finished")
    else:
        ended_job = Job(job, "absent", done.tail)
    ended = time.monotonic_ns()
    new = [n for n in set(store.sizes()) - before if time_of(store.names, n) is not None]
    name = max(new, default=None)
    return Backup(
        line=done.problem,
        job=ended_job,
        name=name,
        manifest=store.manifest(name) if name else None,
        began_ns=began,
        ended_ns=ended,
    )


@dataclass(frozen=True)
class Witness:
    """Two runs by which restored data is told from what it replaced.

    Attributes:
        kept: a run that is in the backup.
        gone: a run that was made after it.
    """

    kept: str
    gone: str

    def sees_restored(self, api: MlflowApi) -> str:
        """``restored``, or what MLflow answered instead."""
        try:
            answers = [api.get("runs/get", run_id=run).status for run in (self.kept, self.gone)]
        except NoReply as problem:
            return brief(str(problem))
        return "restored" if answers == [200, 404] else f"HTTP {answers[0]} and {answers[1]}"


@dataclass(frozen=True)
class Restore:
    """A restore by the documented line.

    Attributes:
        seconds: from the line until MLflow answered with what was restored; None when it never did.
        last_answer: how the witnesses were answered at the end.
        pattern: the Job that the line made, as the API server had it; empty without one.
    """

    line: str
    job: Job
    token: str
    seconds: float | None
    last_answer: str
    unanswered: list[str]
    pattern: Mapping[str, Any] = field(repr=False)

    @property
    def outcome(self) -> str:
        """``complete``, or how it failed in its own words."""
        if self.job.outcome == "complete":
            return "complete"
        return f"{self.job.outcome}: {self.line if self.line else self.job.sentence}"


def restore(
    kube: Kube,
    lines: Lines,
    names: RestoreNames,
    *,
    backup: str,
    token: str,
    witness: Witness,
    front: MlflowApi,
    waiter: Waiter,
) -> Restore:
    """Restore a backup by the documented line, and watch MLflow meanwhile.

    Raises:
        KubeFailed: the cluster could not be read.
    """
    before = jobs.names(kube, names.selector)
    started = time.monotonic()
    seconds, last = None, "not asked"
    with Pulse(front) as pulse:
        done = lines.run(names.command, backup=backup, token=token, timeout_s=_LINE_S)
        name = _new_job(kube, names, before, waiter) if done.code == 0 else None
        if name is None:
            job, pattern = Job("", "absent", done.tail), dict[str, Any]()
        else:
            job = jobs.at_end(kube, name, waiter, "restore finished")
            pattern = kube.get("job", name)
        if job.outcome == "complete":
            last = _until_restored(lambda: witness.sees_restored(front), waiter)
            seconds = time.monotonic() - started if last == "restored" else None
    return Restore(
        line=done.problem,
        job=job,
        token=token,
        seconds=seconds,
        last_answer=last,
        unanswered=pulse.described,
        pattern=pattern,
    )


def _until_restored(look: Callable[[], str], waiter: Waiter) -> str:
    try:
        return waiter.until(
            "answering with what was restored: MLflow",
            look,
            done=lambda seen: seen == "restored",
            timeout="endpoint reachable",
            interval_s=0.2,
        )
    except TimedOut as late:
        return str(late.last)


def _new_job(kube: Kube, names: RestoreNames, before: set[str], waiter: Waiter) -> str | None:
    try:
        new = waiter.until(
            "made: the Job of the restore",
            lambda: jobs.names(kube, names.selector) - before,
            done=bool,
            timeout="restore begun",
        )
    except TimedOut:
        return None
    return max(new)


def another(
    kube: Kube,
    pattern: Mapping[str, Any],
    *,
    name: str,
    words: Mapping[str, str],
    change: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
) -> None:
    """Make another Job of the kind that a restore's line made; see `jobs.like`.

    Args:
        change: makes the Job another one still.

    Raises:
        Undecided: there is no such Job to go by.
        KubeFailed: it was refused.
    """
    if not pattern:
        raise Undecided("the documented line made no restore Job that others could be like")
    kube.apply([change(jobs.like(pattern, name, words))])
