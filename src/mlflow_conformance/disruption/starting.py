# SPDX-License-Identifier: Apache-2.0
"""A pod of MLflow that starts while its database is away, as one does after a night of outages."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlflow_conformance.cluster import workloads
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.selectors import SERVICE_OF_SLICE
from mlflow_conformance.config.names import PostgresqlNames
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed

_LOOK_S = 0.5


@dataclass
class StartedWithout:
    """What became of pods that started without a database.

    Attributes:
        begun: those that had begun to start while it was away, by name.
        ready: of them those that were called ready meanwhile.
        listed: of them those that the Service led to meanwhile.
        back_s: from the moment when the database was ready again until as many replicas as before
            were, and each answered a call that needs the database; or until that was given up.
        answers: of every replica at last: a status, or why there was none.
    """

    begun: set[str] = field(default_factory=set)
    ready: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    back_s: float = 0
    answers: list[str] = field(default_factory=list)


def started_without_database(target: Target, hold_s: float, waiter: Waiter) -> StartedWithout:
    """Delete a pod of MLflow while PostgreSQL has none, and watch what comes in its place.

    Args:
        hold_s: for how long PostgreSQL stays away after that, seconds.

    Raises:
        Undecided: PostgreSQL cannot be stopped here or did not stop, or no other pod began.
        Unusable: PostgreSQL could not be put back.
    """
    kube, names = target.need_kube(), target.names
    database = names.postgresql
    if database is None or not database.selector:
        raise Undecided("PostgreSQL is not in the namespace, and cannot be stopped")
    before = kube.ready_pods(names.mlflow.selector)
    if not before:
        raise Undecided("no pod of MLflow is ready")
    seen, known = StartedWithout(), {pod.uid for pod in kube.pods(names.mlflow.selector)}

    def look() -> None:
        leads_to = led_to(kube, names.mlflow.service)
        for pod in kube.pods(names.mlflow.selector):
            if pod.uid in known or pod.ip is None or not pod.replica:
                continue
            seen.begun.add(pod.name)
            if pod.ready:
                seen.ready.add(pod.name)
            if pod.ip in leads_to:
                seen.listed.add(pod.name)

    with changed(target, [_none(kube, database)], waiter):
        if left := kube.ready_pods(database.selector):
            raise Undecided(f"PostgreSQL was to have no pod, and {left[0].name} is ready")
        kube.delete("pod", before[0].name)
        begin = time.monotonic()
        waiter.until(
            f"held: PostgreSQL away for {hold_s:g} s", look,
            done=lambda _: time.monotonic() - begin >= hold_s, timeout="fault in effect",
            interval_s=_LOOK_S,
        )  # fmt: skip
    if not seen.begun:
        raise Undecided(f"within {hold_s:g} s no pod had begun in the place of the deleted one")
    begin = time.monotonic()
    seen.answers = waiter.last_seen(
        f"answering: {len(before)} replicas of MLflow",
        lambda: [_answer(target, url) for url in target.replica_urls()],
        done=lambda answers: len(answers) >= len(before) and set(answers) == {"200"},
        timeout="rollout",
        interval_s=1,
    )
    seen.back_s = round(time.monotonic() - begin, 1)
    return seen


def _none(kube: Kube, database: PostgresqlNames) -> ObjectChange:
    """The change that leaves PostgreSQL without a pod."""
    pods = [p for p in kube.pods(database.selector) if p.replica]
    makers = {workloads.controller_of(kube, pod) for pod in pods}
    if len(makers) != 1 or (maker := makers.pop()) is None:
        raise Undecided("nothing that could be scaled makes PostgreSQL's pods")
    kind, name = maker
    return ObjectChange(kind=kind, name=name, patch={"spec": {"replicas": 0}})


def led_to(kube: Kube, service: str) -> set[str]:
    """The addresses that a Service sends requests to."""
    slices: list[Mapping[str, Any]] = [
        *kube.items("endpointslice", labels={SERVICE_OF_SLICE: service})
    ]
    return {
        address
        for one in slices
        for endpoint in one.get("endpoints") or []
        # No condition means that it is ready (Kubernetes API, EndpointConditions).
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint["addresses"]
    }


def _answer(target: Target, url: str) -> str:
    try:
        return str(target.api(url).get("experiments/search", max_results=1).status)
    except NoReply as lost:
        return lost.failure
