# SPDX-License-Identifier: Apache-2.0
"""The kustomization's alerts and dashboard, judged by Prometheus's own tool."""

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
from rule_mutants import metrics

Objects = list[dict[str, Any]]

TESTS = Path(__file__).parents[1] / "alerts" / "eks.yaml"


@pytest.fixture(scope="session")
def rules(base: Objects) -> list[Rule]:
    """The alert rules as they are rendered."""
    (found,) = [m for m in base if m["kind"] == "PrometheusRule"]
    return alerts(found["spec"]["groups"])


@pytest.fixture(scope="session")
def dashboard(base: Objects) -> dict[str, str]:
    """The queries of the dashboard."""
    (found,) = [m for m in base if m["metadata"]["name"] == "mlflow-dashboard"]
    return queries(json.loads(found["data"]["mlflow.json"]))


def test_alerts_are_the_promised_ones(rules: list[Rule]) -> None:
    assert {rule["alert"] for rule in rules} == {
        "MLflowServerDown", "MLflowHighLatency", "MLflowHighErrorRate", "PostgreSQLDown",
        "PostgreSQLConnectionsHigh", "PostgreSQLBackupFailed", "PostgreSQLBackupMissing",
    }  # fmt: skip


def test_metrics_of_the_database_are_for_monitoring_alone(base: Objects) -> None:
    (policy,) = [
        m for m in base if m["kind"] == "NetworkPolicy" and m["metadata"]["name"] == "postgres"
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
