# SPDX-License-Identifier: Apache-2.0
"""A deployment is whole again when it stays so."""

from collections.abc import Iterator

import pytest

import clusters
from clocks import Clock
from clusters import HEALTHY, changed, container, pod
from mlflow_conformance.cluster.view import ClusterView
from mlflow_conformance.disruption import steadiness, wholeness
from mlflow_conformance.disruption.scene import Scene

RESTARTED = changed(container(pod("one"), id="containerd://one1", restarts=1))
UNREADY = changed(pod("one", ready=False))


def _then(*views: ClusterView) -> Iterator[ClusterView]:
    yield from views
    while True:
        yield views[-1]


@pytest.mark.parametrize(
    ("views", "since"),
    [
        ([HEALTHY], 0.0),
        ([HEALTHY, HEALTHY, UNREADY, HEALTHY], 1.5),
        ([HEALTHY, HEALTHY, HEALTHY, RESTARTED], 2.0),
        ([UNREADY, HEALTHY], 0.5),
        ([UNREADY], None),
    ],
    ids=["at once", "not ready for a moment", "restarted", "late", "never"],
)
def test_whole_and_steady(
    monkeypatch: pytest.MonkeyPatch, views: list[ClusterView], since: float | None
) -> None:
    clock, shown = Clock(), _then(*views)
    monkeypatch.setattr("mlflow_conformance.core.waits.time", clock)
    monkeypatch.setattr(steadiness, "time", clock)
    monkeypatch.setattr(steadiness, "look", lambda _: next(shown))

    def unready(_play: Scene, view: ClusterView) -> list[str]:
        return [p.name for p in view.of("mlflow", {}) if not p.ready]

    monkeypatch.setattr(wholeness, "unready_mlflow", unready)
    assert steadiness.whole_from(clusters.scene(), 3.0) == since


def test_of_nodes_the_drained_one_alone_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholeness, "unready_mlflow", lambda *_: [])
    nodes = [clusters.node("worker", schedulable=False), clusters.node("worker2")]
    cordoned = ClusterView(HEALTHY.pods, nodes)
    assert wholeness.missing(clusters.scene(), cordoned) == []
    assert wholeness.missing(clusters.scene(node="worker2"), cordoned) == []
    assert wholeness.missing(clusters.scene(node="worker"), cordoned) == ["node worker cordoned"]
