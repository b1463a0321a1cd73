# SPDX-License-Identifier: Apache-2.0
"""The chart's alerts and dashboard, judged by Prometheus's own tool."""

import json
from pathlib import Path
from typing import Any

import pytest

from alert_tests import (
    Promtool,
    Rule,
    alerts,
    failures_of_sound_rules,
    queries,
    rule_file,
    survivors,
    untested,
)
from mlflow_conformance.deploy.helm import Helm, Release
from mlflow_conformance.deploy.schemas import kubernetes_version
from rule_mutants import metrics

TESTS = Path(__file__).parent / "alerts" / "k3d.yaml"


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
    (found,) = [m for m in monitoring if m["kind"] == "PrometheusRule"]
    return alerts(found["spec"]["groups"])


@pytest.fixture(scope="session")
def dashboard(monitoring: list[dict[str, Any]]) -> dict[str, str]:
    """The queries of the dashboard."""
    (found,) = [m for m in monitoring if m["metadata"]["name"] == "mlflow-dashboard"]
    return queries(json.loads(found["data"]["mlflow.json"]))


def test_alerts_are_the_promised_ones(rules: list[Rule]) -> None:
    assert {rule["alert"] for rule in rules} == {
        "MLflowDown", "MLflowHighErrorRate", "MLflowHighLatency", "MLflowDatabaseUnreachable",
        "MLflowDatabaseConnectionsHigh", "MLflowBackupFailed", "MLflowBackupMissing",
    }  # fmt: skip


def test_metrics_of_the_database_are_for_monitoring_alone(
    monitoring: list[dict[str, Any]],
) -> None:
    (policy,) = [
        m
        for m in monitoring
        if m["metadata"]["name"] == "mlflow-postgresql" and m["kind"] == "NetworkPolicy"
    ]
    (rule,) = [
        r for r in policy["spec"]["ingress"] if {"port": 9187, "protocol": "TCP"} in r["ports"]
    ]
    assert rule == {
        "from": [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
        ],
        "ports": [{"port": 9187, "protocol": "TCP"}],
    }


def test_monitors_scrape_ports_that_services_have(monitoring: list[dict[str, Any]]) -> None:
    def of_kind(kind: str) -> dict[str, dict[str, Any]]:
        return {m["metadata"]["name"]: m["spec"] for m in monitoring if m["kind"] == kind}

    services = of_kind("Service")
    for name, monitor in of_kind("ServiceMonitor").items():
        assert monitor["selector"]["matchLabels"] == services[name]["selector"]
        (endpoint,) = monitor["endpoints"]
        assert endpoint["port"] in {port["name"] for port in services[name]["ports"]}
    assert set(of_kind("ServiceMonitor")) == {"mlflow", "mlflow-postgresql"}


def test_alerts_fire_are_silent_and_resolve(
    promtool: Promtool, rules: list[Rule], tmp_path: Path
) -> None:
    assert untested(rules, TESTS) == set()
    assert failures_of_sound_rules(promtool, rules, TESTS, tmp_path) == 0


def test_every_broken_rule_is_noticed(
    promtool: Promtool, rules: list[Rule], tmp_path: Path
) -> None:
    assert survivors(promtool, rules, TESTS, tmp_path) == []


def test_queries_of_the_dashboard_parse(
    promtool: Promtool, dashboard: dict[str, str], tmp_path: Path
) -> None:
    recorded = [{"record": "panel", "expr": query} for query in dashboard.values()]
    assert promtool.complaints(rule_file(tmp_path / "dashboard", recorded)) == ""


def test_only_metrics_that_somebody_exports_are_read(
    rules: list[Rule], dashboard: dict[str, str]
) -> None:
    """MLflow, the exporter beside PostgreSQL, Prometheus, kube-state-metrics, the kubelet."""
    for query in [rule["expr"] for rule in rules] + list(dashboard.values()):
        assert metrics(query)
        for metric in metrics(query) - {"up"}:
            assert metric.startswith(
                ("mlflow_http_request_", "mlflow_table_", "pg_", "kube_", "container_")
            ), metric
        assert "RELEASE" not in query
        assert "NAMESPACE" not in query
