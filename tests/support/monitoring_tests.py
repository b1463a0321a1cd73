# SPDX-License-Identifier: Apache-2.0
"""What holds for the alerts and the dashboard of every deployment."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

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

Objects = Sequence[dict[str, Any]]

_EXPORTED = ("mlflow_http_request_", "mlflow_table_", "pg_", "kube_", "container_")
"""By MLflow, the exporter beside PostgreSQL, kube-state-metrics and the kubelet."""


def rules_of(objects: Objects) -> list[Rule]:
    """The alert rules as they are rendered."""
    (found,) = [o for o in objects if o["kind"] == "PrometheusRule"]
    return alerts(found["spec"]["groups"])


def dashboard_of(objects: Objects) -> dict[str, str]:
    """The queries of the dashboard."""
    (found,) = [o for o in objects if o["metadata"]["name"] == "mlflow-dashboard"]
    return queries(json.loads(found["data"]["mlflow.json"]))


def sources_of_database_metrics(objects: Objects, policy: str) -> Any:
    """Whom a NetworkPolicy admits to the exporter beside PostgreSQL, and to nothing else."""
    (found,) = [
        o for o in objects if o["kind"] == "NetworkPolicy" and o["metadata"]["name"] == policy
    ]
    port = {"port": 9187, "protocol": "TCP"}
    (rule,) = [r for r in found["spec"]["ingress"] if port in r["ports"]]
    assert rule["ports"] == [port]
    return rule["from"]


MONITORING_ALONE = [
    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
]


class MonitoringTests:
    """Needs the fixtures `rules`, `dashboard` and `promtool`.

    Attributes:
        UNIT_TESTS: promtool's unit tests of the alerts.
    """

    UNIT_TESTS: ClassVar[Path]

    def test_alerts_fire_are_silent_and_resolve(
        self, promtool: Promtool, rules: list[Rule], tmp_path: Path
    ) -> None:
        assert untested(rules, self.UNIT_TESTS) == set()
        assert failures_of_sound_rules(promtool, rules, self.UNIT_TESTS, tmp_path) == 0

    def test_every_broken_rule_is_noticed(
        self, promtool: Promtool, rules: list[Rule], tmp_path: Path
    ) -> None:
        assert survivors(promtool, rules, self.UNIT_TESTS, tmp_path) == []

    def test_queries_of_the_dashboard_parse(
        self, promtool: Promtool, dashboard: dict[str, str], tmp_path: Path
    ) -> None:
        recorded = [{"record": "panel", "expr": query} for query in dashboard.values()]
        assert promtool.complaints(rule_file(tmp_path / "dashboard", recorded)) == ""

    def test_only_metrics_that_somebody_exports_are_read(
        self, rules: list[Rule], dashboard: dict[str, str]
    ) -> None:
        for query in [rule["expr"] for rule in rules] + list(dashboard.values()):
            assert metrics(query)
            for metric in metrics(query) - {"up"}:
                assert metric.startswith(_EXPORTED), metric
