# SPDX-License-Identifier: Apache-2.0
"""Why a ServiceMonitor leads to no target."""

from typing import Any

import pytest

from mlflow_conformance.observability.monitors import Monitor, why_not_scraped

SERVICE: dict[str, Any] = {
    "metadata": {"name": "mlflow", "namespace": "ml", "labels": {"app": "mlflow"}},
    "spec": {"ports": [{"name": "http", "port": 5000}]},
}


def monitor(labels: dict[str, str], port: str = "http", spaces: list[str] | None = None) -> Monitor:
    return Monitor("ml", "m", {"matchLabels": labels}, spaces or ["ml"], [port])


@pytest.mark.parametrize(
    ("one", "pools", "said"),
    [
        (monitor({"app": "x"}), [], "no ServiceMonitor selects the labels of Service mlflow: m "),
        (monitor({"app": "mlflow"}, spaces=["other"]), [], "no ServiceMonitor selects the labels"),
        (monitor({"app": "mlflow"}), [], "Prometheus does not take ServiceMonitor ml/m"),
        (
            monitor({"app": "mlflow"}, "web"),
            ["serviceMonitor/ml/m/0"],
            "asks for a port called web, and Service mlflow has http",
        ),
        (monitor({"app": "mlflow"}), ["serviceMonitor/ml/m/0"], "a relabelling drops it"),
    ],
)
def test_the_reason_names_what_does_not_fit(one: Monitor, pools: list[str], said: str) -> None:
    assert said in why_not_scraped(SERVICE, [one], pools)


def test_a_monitor_of_all_namespaces_selects_anywhere() -> None:
    assert Monitor("watch", "m", {}, None, []).selects(SERVICE)
