# SPDX-License-Identifier: Apache-2.0
"""What watches the deployment: what is there, or something of our own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from mlflow_conformance.cluster.terminal import Terminal
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import InsideSender
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.observability.alerts import alerts_of, hurried
from mlflow_conformance.observability.good_backup import need_backup
from mlflow_conformance.observability.notices import Notices
from mlflow_conformance.observability.prometheus import Prometheus
from mlflow_conformance.observability.shipped import shipped
from mlflow_conformance.observability.watching import Watching
from mlflow_conformance.stand.monitoring import stack
from mlflow_conformance.target.backups.lines import Lines
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed


@pytest.fixture(scope="package")
def watching(
    target: Target, conformance_run: Run, request: pytest.FixtureRequest, waiter: Waiter
) -> Iterator[Watching]:
    """The Prometheus that the profile names; on a cluster that was made here, one of our own.

    It is gone before checks of other families: it takes CPU time from what they measure.

    Raises:
        Undecided: the profile names none, and the cluster was not made here.
    """
    names = target.names.monitoring
    patience = waiter.seconds("api reply")
    if names is None:
        raise Undecided("the profile does not say how the deployment is watched (names.monitoring)")
    if names.prometheus is not None:
        there = Prometheus(InsideSender(target.inside), names.prometheus.rstrip("/"), patience)
        yield Watching(there, None, None)
        return
    if not target.made_here or names.objects is None:
        raise Undecided(
            "the profile names no Prometheus (names.monitoring.prometheus), and one is installed "
            "only on a cluster that was made here, for what names.monitoring.objects prints"
        )
    prompt: Terminal = replace(request.getfixturevalue("prompt"), folder=target.root)
    watched = shipped(prompt, names.objects, target.names.namespace, names.dashboards)
    with ExitStack() as installed:
        with conformance_run.phase("Prometheus and its operator"):
            notices = installed.enter_context(_listening(target))
            url = installed.enter_context(
                stack(
                    target.need_kube(),
                    names.namespace,
                    hurried(watched, names.for_s),
                    waiter,
                    root=target.root,
                    receiver=notices.url,
                )
            )
        prometheus = Prometheus(InsideSender(target.inside), url, patience)
        yield Watching(prometheus, alerts_of(watched), notices)


@pytest.fixture(scope="package")
def prometheus(watching: Watching) -> Prometheus:
    """The Prometheus of `watching`."""
    return watching.prometheus


@contextmanager
def _listening(target: Target) -> Iterator[Notices]:
    """A receiver in the runner, of what alerts tell people."""
    urls = target.replica_urls()
    if not urls:
        raise Undecided("no pod of MLflow is ready")
    made: Any = target.inside.call(
        "receiver_start", port=0, refused="", refusals=0, towards=urlsplit(urls[0]).hostname
    )
    try:
        yield Notices(target.inside, made["number"], made["url"])
    finally:
        target.inside.call("receiver_stop", number=made["number"])


@pytest.fixture(scope="package")
def steady_replicas(target: Target, waiter: Waiter) -> Iterator[None]:
    """MLflow's autoscaler is held at its minimum: pods that come and go are no fault's doing."""
    hpa = target.names.mlflow.hpa
    if hpa is None:
        yield
        return
    least = target.need_kube().get("horizontalpodautoscaler", hpa)["spec"].get("minReplicas", 1)
    held = ObjectChange(
        kind="horizontalpodautoscaler", name=hpa, patch={"spec": {"maxReplicas": least}}
    )
    with changed(target, [held], waiter):
        waiter.until(
            f"held: at most {least} replicas",
            lambda: len(target.replica_urls()),
            done=lambda ready: ready <= least,
            timeout="rollout",
        )
        yield


@pytest.fixture(scope="package")
def backup_there(
    target: Target, conformance_run: Run, request: pytest.FixtureRequest, waiter: Waiter
) -> None:
    """On a cluster that was made here, a backup was made: elsewhere the nights have seen to it."""
    names = target.names.backup
    if target.made_here and names is not None:
        prompt: Terminal = request.getfixturevalue("prompt")
        lines = Lines(prompt, {"namespace": target.names.namespace})
        job = f"{conformance_run.label}-first-backup"
        need_backup(target.need_kube(), names, lines, job, waiter)
