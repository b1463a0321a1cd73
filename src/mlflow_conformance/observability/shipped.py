# SPDX-License-Identifier: Apache-2.0
"""What a deployment gives to whoever watches it: monitors, rules, dashboards."""

from typing import Any

from mlflow_conformance.cluster.terminal import Terminal
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.stand.printed import printed

MONITORS, RULES = "ServiceMonitor", "PrometheusRule"


def shipped(prompt: Terminal, line: str, namespace: str, dashboards: str) -> list[dict[str, Any]]:
    """The manifests of monitors, rules and dashboards that a documented line prints.

    Args:
        line, dashboards: see `mlflow_conformance.config.beside_names.MonitoringNames`.

    Raises:
        Undecided: the line failed, or printed none.
        CommandFailed: it did not end in time.
    """
    manifests = printed(prompt, line, namespace, "names.monitoring.objects")
    found = [thing for thing in manifests if _watches(thing, dashboards)]
    if not found:
        raise Undecided("names.monitoring.objects printed no monitor, rule or dashboard")
    return found


def _watches(thing: dict[str, Any], dashboards: str) -> bool:
    labels = thing["metadata"].get("labels") or {}
    return thing["kind"] in (MONITORS, RULES) or (
        thing["kind"] == "ConfigMap" and dashboards in labels
    )
