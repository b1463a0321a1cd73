# SPDX-License-Identifier: Apache-2.0
"""The chart's alerts and dashboard, judged by Prometheus's own tool."""

from pathlib import Path
from typing import Any

import pytest

from alert_tests import Rule
from mlflow_conformance.stand.deploy.helm import Helm, Release
from mlflow_conformance.stand.deploy.schemas import kubernetes_version
from monitoring_tests import (
    MONITORING_ALONE,
    MonitoringTests,
    dashboard_of,
    rules_of,
    sources_of_database_metrics,
)


@pytest.fixture(scope="session")
def monitoring(helm: Helm, chart: Path) -> list[dict[str, Any]]:
    """The chart with all of its monitoring."""
    values = {
        "metrics.serviceMonitor.enabled": "true",
        "metrics.prometheusRule.enabled": "true",
        "metrics.grafanaDashboard.enabled": "true",
    }
    release = Release("mlflow", "mlflow", chart, (), values)
    return helm.template(release, kube_version=kubernetes_version())


@pytest.fixture(scope="session")
def rules(monitoring: list[dict[str, Any]]) -> list[Rule]:
    """The alert rules as they are rendered."""
    return rules_of(monitoring)


@pytest.fixture(scope="session")
def dashboard(monitoring: list[dict[str, Any]]) -> dict[str, str]:
    """The queries of the dashboard."""
    return dashboard_of(monitoring)


class TestMonitoring(MonitoringTests):
    """The chart's."""

    UNIT_TESTS = Path(__file__).parent / "alerts" / "k3d.yaml"


def test_alerts_are_the_promised_ones(rules: list[Rule]) -> None:
    assert {rule["alert"] for rule in rules} == {
        "MLflowDown", "MLflowHighErrorRate", "MLflowHighLatency", "MLflowDatabaseUnreachable",
        "MLflowDatabaseConnectionsHigh", "MLflowBackupFailed", "MLflowBackupMissing",
    }  # fmt: skip


def test_metrics_of_the_database_are_for_monitoring_alone(
    monitoring: list[dict[str, Any]],
) -> None:
    assert sources_of_database_metrics(monitoring, "mlflow-postgresql") == MONITORING_ALONE


def test_monitors_scrape_ports_that_services_have(monitoring: list[dict[str, Any]]) -> None:
    def of_kind(kind: str) -> dict[str, dict[str, Any]]:
        return {m["metadata"]["name"]: m["spec"] for m in monitoring if m["kind"] == kind}

    services = of_kind("Service")
    for name, monitor in of_kind("ServiceMonitor").items():
        assert monitor["selector"]["matchLabels"] == services[name]["selector"]
        (endpoint,) = monitor["endpoints"]
        assert endpoint["port"] in {port["name"] for port in services[name]["ports"]}
    assert set(of_kind("ServiceMonitor")) == {"mlflow", "mlflow-postgresql"}


def test_queries_have_the_names_of_this_release(
    rules: list[Rule], dashboard: dict[str, str]
) -> None:
    for query in [rule["expr"] for rule in rules] + list(dashboard.values()):
        assert "RELEASE" not in query
        assert "NAMESPACE" not in query
