# SPDX-License-Identifier: Apache-2.0
"""The kustomization's alerts and dashboard, judged by Prometheus's own tool."""

from pathlib import Path
from typing import Any

import pytest

from alert_tests import Rule
from monitoring_tests import (
    MONITORING_ALONE,
    MonitoringTests,
    dashboard_of,
    rules_of,
    sources_of_database_metrics,
)

Objects = list[dict[str, Any]]


@pytest.fixture(scope="session")
def rules(base: Objects) -> list[Rule]:
    """The alert rules as they are rendered."""
    return rules_of(base)


@pytest.fixture(scope="session")
def dashboard(base: Objects) -> dict[str, str]:
    """The queries of the dashboard."""
    return dashboard_of(base)


class TestMonitoring(MonitoringTests):
    """The kustomization's."""

    UNIT_TESTS = Path(__file__).parents[1] / "alerts" / "eks.yaml"


def test_alerts_are_the_promised_ones(rules: list[Rule]) -> None:
    assert {rule["alert"] for rule in rules} == {
        "MLflowServerDown", "MLflowHighLatency", "MLflowHighErrorRate", "PostgreSQLDown",
        "PostgreSQLConnectionsHigh", "PostgreSQLBackupFailed", "PostgreSQLBackupMissing",
    }  # fmt: skip


def test_metrics_of_the_database_are_for_monitoring_alone(base: Objects) -> None:
    assert sources_of_database_metrics(base, "postgres") == MONITORING_ALONE
