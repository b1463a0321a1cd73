# SPDX-License-Identifier: Apache-2.0
"""Whose restart the kubelet would delay."""

from datetime import UTC, datetime, timedelta

import pytest

import clusters
from clusters import HEALTHY, NAMES, pod
from mlflow_conformance.cluster.view import ClusterView
from mlflow_conformance.disruption.backoff import FORGETS, marked
from mlflow_conformance.disruption.scenario import find

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _crashed(since: timedelta, app: str) -> ClusterView:
    crashed = clusters.container(pod("crashed", app=app), ended=NOW - since, restarts=1)
    return ClusterView([*HEALTHY.pods, crashed], HEALTHY.nodes)


@pytest.mark.parametrize(
    ("scenario", "app", "since", "names"),
    [
        ("postgresql-crash", "postgresql", timedelta(minutes=3), ["crashed"]),
        ("postgresql-crash", "postgresql", FORGETS, []),
        ("postgresql-crash", "mlflow", timedelta(minutes=3), []),
        ("mlflow-crash", "mlflow", timedelta(minutes=3), ["crashed"]),
        ("postgresql-deletion", "postgresql", timedelta(minutes=3), []),
        ("mlflow-drain", "mlflow", timedelta(minutes=3), []),
    ],
)
def test_a_victim_that_crashed_lately_is_replaced_first(
    scenario: str, app: str, since: timedelta, names: list[str]
) -> None:
    found = marked(NAMES, find(scenario).spec, _crashed(since, app), NOW)
    assert [p.name for p in found] == names


def test_a_container_that_never_ended_has_no_past() -> None:
    assert marked(NAMES, find("postgresql-crash").spec, HEALTHY, NOW) == []
