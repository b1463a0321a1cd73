# SPDX-License-Identifier: Apache-2.0
"""Watches an autoscaled deployment once a second, and reads from that how it was scaled."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from mlflow_conformance.cluster.autoscaler import Autoscaler, autoscaler
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.doors.exposition import total
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.load.document import Series
from mlflow_conformance.target.base import Target

_LOOK_S, _COUNT_S, _METRICS_S = 1.0, 3.0, 5.0
_REPLY_S = 10.0
# Which pg_stat_activity does not tell an account that may only read. One is the one that counts.
_CONNECTIONS = "SELECT sum(numbackends)::int - 1 FROM pg_stat_database"
_SERVED = "mlflow_http_request_total"
_FULL = ("too many clients already", "remaining connection slots", "too many connections")
"""What PostgreSQL says when max_connections, or the limit of a role or database, is reached."""


@dataclass(frozen=True)
class PodState:
    """One pod at one moment; `unschedulable` is the scheduler's reason, or empty."""

    name: str
    ready: bool
    terminating: bool
    unschedulable: str = ""


@dataclass(frozen=True)
class Look:
    """The deployment at one moment.

    Attributes:
        at: seconds since the epoch.
        scaler: the autoscaler, or None when there is none.
        wanted: replicas that the Deployment is told to have.
    """

    at: float
    scaler: Autoscaler | None
    wanted: int
    pods: Sequence[PodState]

    @property
    def ready(self) -> int:
        """Pods that serve: ready and not on their way out."""
        return sum(p.ready and not p.terminating for p in self.pods)


@dataclass
class Watch:
    """What was seen from the start of the watch until now.

    Attributes:
        connections: moment (seconds since the epoch) and connections of clients to PostgreSQL.
        served: by pod, the POST requests that it counted; probes send none.
        refused: PostgreSQL's own words when it admitted no more connections.
        unseen: looks that failed, and why.
    """

    looks: list[Look] = field(default_factory=list)
    connections: list[tuple[float, int]] = field(default_factory=list)
    served: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


def longest_gap_s(moments: Iterable[float], since: float, until: float) -> float:
    """The longest time between `since` and `until` without any of these moments, in order."""
    seen = [since, *(at for at in moments if since < at < until), until]
    return max(after - before for before, after in pairwise(seen))


@contextmanager
def watching(target: Target) -> Iterator[Watch]:
    """Watch the target's deployment for as long as the context lasts.

    Raises:
        Undecided: the target is not in a cluster.
    """
    # The client's connections are shared by the threads that use it; this one is the watch's own.
    kube = replace(target.need_kube())
    watch = Watch()
    names = target.names.mlflow
    tasks = [_Repeated(_LOOK_S, lambda: watch.looks.append(look(kube, names)), watch.unseen)]
    if target.sql is not None:
        sql = target.sql
        tasks.append(_Repeated(_COUNT_S, lambda: _count_connections(sql, watch), watch.unseen))
    tasks.append(_Repeated(_COUNT_S, lambda: _count_served(kube, target, watch), watch.unseen))
    try:
        yield watch
    finally:
        for task in tasks:
            task.stop()


def look(kube: Kube, names: MlflowNames) -> Look:
    """Look once.

    Raises:
        KubeFailed: the API server refused.
    """
    deployment = kube.get("deployment", names.deployment, timeout_s=_REPLY_S)
    return Look(
        at=time.time(),
        scaler=autoscaler(kube, names.hpa) if names.hpa else None,
        wanted=deployment["spec"]["replicas"],
        pods=[
            PodState(p.name, p.ready, p.terminating, _unschedulable(p.raw))
            for p in kube.pods(names.selector, container=names.container)
            if p.replica
        ],
    )


def changes(looks: Sequence[Look]) -> list[tuple[float, int, int]]:
    """Every change of the wanted replicas: when it was seen, from how many, to how many."""
    return [
        (after.at, before.wanted, after.wanted)
        for before, after in pairwise(looks)
        if after.wanted != before.wanted
    ]


def first(looks: Sequence[Look], holds: Callable[[Look], bool]) -> float | None:
    """When something was first so, seconds since the epoch; None when it never was."""
    return next((seen.at for seen in looks if holds(seen)), None)


def new_pods(looks: Sequence[Look], *, ready_for_s: float = 0) -> list[str]:
    """Pods that were no part of the first look and then were ready for so long, by name."""
    old = {p.name for p in looks[0].pods} if looks else set()
    since: dict[str, float] = {}
    until: dict[str, float] = {}
    for seen in looks:
        for pod in seen.pods:
            if pod.ready and not pod.terminating and pod.name not in old:
                since.setdefault(pod.name, seen.at)
                until[pod.name] = seen.at
    return sorted(name for name in since if until[name] - since[name] >= ready_for_s)


def obstacle(looks: Sequence[Look], scaled: str) -> str | None:
    """What keeps the autoscaler from asking for more replicas; None when nothing is seen.

    Args:
        scaled: what it is to scale, ``Kind/name``.
    """
    scaler = looks[-1].scaler if looks else None
    if scaler is None:
        return "there is no autoscaler"
    if scaler.target != scaled:
        return f"the autoscaler scales {scaler.target} and not {scaled}"
    for condition in ("AbleToScale", "ScalingActive"):
        if scaler.conditions.get(condition) != "True":
            why = scaler.reasons.get(condition, "the autoscaler says nothing")
            return f"{condition} is not true: {why}"
    start = looks[0].wanted
    if start >= scaler.maximum:
        return f"pinned: {start} replicas before the load, and the maximum is {scaler.maximum}"
    return None


def unschedulable(looks: Sequence[Look]) -> list[str]:
    """Why pods found no node, each reason once."""
    return sorted({p.unschedulable for seen in looks for p in seen.pods if p.unschedulable})


def utilization(looks: Sequence[Look]) -> dict[str, int]:
    """The highest utilization that the autoscaler measured, percent of the request."""
    highest: dict[str, int] = {}
    for seen in looks:
        for name, value in (seen.scaler.current if seen.scaler else {}).items():
            highest[name] = max(value, highest.get(name, 0))
    return highest


def series(watch: Watch, start: float) -> list[Series]:
    """Replicas and connections over time, for a report whose run began at `start`."""
    lines: list[tuple[str, list[tuple[float, float]]]] = [
        ("Replicas wanted", [(s.at - start, float(s.wanted)) for s in watch.looks]),
        ("Replicas ready", [(s.at - start, float(s.ready)) for s in watch.looks]),
        ("Connections to PostgreSQL", [(at - start, float(n)) for at, n in watch.connections]),
    ]
    return [Series(name=name, steps=_steps(points)) for name, points in lines if points]


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Only those points at which the value changes; the first one stays."""
    kept = [points[0]]
    for point in points[1:]:
        if point[1] != kept[-1][1]:
            kept.append(point)
    return [(round(max(at, 0.0), 3), value) for at, value in kept]


def _unschedulable(pod: Mapping[str, Any]) -> str:
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message", condition.get("reason", "")))
    return ""


def _count_connections(sql: Sql, watch: Watch) -> None:
    try:
        watch.connections.append((time.time(), int(sql.one(_CONNECTIONS))))
    except InsideFailed as problem:
        # Not being let in is what the count is there to see.
        if not any(words in str(problem) for words in _FULL):
            raise
        watch.refused.append(str(problem))


def _count_served(kube: Kube, target: Target, watch: Watch) -> None:
    names, headers = target.names.mlflow, target.inside_headers
    pods = kube.ready_pods(names.selector, container=names.container)
    asked = [
        Request("GET", f"{names.origin(pod.ip)}/metrics", headers, timeout_s=_METRICS_S)
        for pod in pods
        if pod.ip
    ]
    outcomes = send_many(target.inside, asked, concurrency=len(asked))
    for pod, outcome in zip(pods, outcomes, strict=True):
        reply = outcome.reply
        if isinstance(reply, NoReply):
            watch.unseen.append(f"metrics of {pod.name}: {reply}")
            continue
        if reply.status != 200:
            watch.unseen.append(f"metrics of {pod.name}: status {reply.status}")
            continue
        try:
            watch.served[pod.name] = served(reply.text)
        except ValueError as problem:
            watch.unseen.append(f"metrics of {pod.name}: {problem}")


def served(metrics: str) -> float:
    """The POST requests that a pod's metrics count; kubelet's probes send none.

    Raises:
        ValueError: the text is no exposition of metrics, or counts no requests at all.
    """
    posts = total(metrics, _SERVED, method="POST")
    if posts is None and total(metrics, _SERVED) is None:
        raise ValueError(f"{_SERVED} is not among them")
    return posts or 0.0


class _Repeated:
    """Does something again and again in a thread of its own, until it is stopped."""

    def __init__(self, every_s: float, act: Callable[[], object], failures: list[str]) -> None:
        self._every_s, self._act, self._failures = every_s, act, failures
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the current turn end, and make no other."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            begun = time.monotonic()
            try:
                self._act()
            except (KubeFailed, InsideFailed, LookupError, OSError) as problem:
                # A look that failed is no observation; the gap that it leaves is judged.
                self._failures.append(f"{type(problem).__name__}: {problem}")
            if self._ended.wait(max(0.0, self._every_s - (time.monotonic() - begun))):
                return
