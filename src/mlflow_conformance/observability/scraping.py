# SPDX-License-Identifier: Apache-2.0
"""The pods that have metrics, held against what Prometheus scrapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.config.names import Names
from mlflow_conformance.observability.monitors import monitors, why_not_scraped
from mlflow_conformance.observability.prometheus import Prometheus, ScrapeTarget


@dataclass(frozen=True)
class MetricsSource:
    """Pods that have metrics, and the Service by which they are found.

    Attributes:
        what: as a profile's row calls it, ``mlflow`` or ``postgresql``.
        service: the Service as the cluster has it; None when there is none.
    """

    what: str
    pods: Sequence[Pod]
    service: Mapping[str, Any] | None


def sources(kube: Kube, names: Names) -> list[MetricsSource]:
    """Everything of a deployment that has metrics: MLflow, and PostgreSQL beside an exporter.

    Raises:
        KubeFailed: pods or Services may not be read.
    """
    server = names.mlflow
    found = [
        MetricsSource(
            "mlflow",
            kube.ready_pods(server.selector, container=server.container),
            kube.find("service", server.service),
        )
    ]
    database = names.postgresql
    if database and database.metrics_port and database.service:
        found.append(
            MetricsSource(
                "postgresql",
                kube.ready_pods(database.selector),
                kube.find("service", database.service),
            )
        )
    return found


@dataclass(frozen=True)
class Scraping:
    """What Prometheus scrapes of one source.

    Attributes:
        targets: of each pod, by its name.
    """

    source: MetricsSource
    targets: Mapping[str, Sequence[ScrapeTarget]]

    @property
    def missing(self) -> list[str]:
        """Pods that are no target."""
        return [pod for pod, targets in self.targets.items() if not targets]

    @property
    def down(self) -> list[str]:
        """Pods of which the last scrape failed, each with why."""
        return [
            f"{pod}: {target.url}: {target.error or target.health}"
            for pod, targets in self.targets.items()
            for target in targets
            if target.health != "up"
        ]

    @property
    def twice(self) -> list[str]:
        """Pods that are scraped more than once, each with how: sums over them are too large."""
        return [
            f"{pod}: {', '.join(target.pool for target in targets)}"
            for pod, targets in self.targets.items()
            if len(targets) > 1
        ]

    def without(self, metrics: Sequence[str], prometheus: Prometheus) -> list[str]:
        """Scraped pods of which Prometheus has no series of a metric, each with the metric.

        Raises:
            NoReply, NoAnswer: Prometheus does not answer.
        """
        instances = {
            metric: {sample.labels.get("instance") for sample in prometheus.query(metric)}
            for metric in metrics
        }
        return [
            f"{pod}: {metric}"
            for pod, targets in self.targets.items()
            for metric in metrics
            if targets and not any(t.labels.get("instance") in instances[metric] for t in targets)
        ]


def scraped(found: Sequence[MetricsSource], targets: Sequence[ScrapeTarget]) -> list[Scraping]:
    """What is scraped of each source."""
    return [
        Scraping(s, {p.name: [t for t in targets if t.address == p.ip] for p in s.pods})
        for s in found
    ]


def why_missing(kube: Kube, seen: Scraping, prometheus: Prometheus) -> str:
    """Why pods of a source are no targets, in words.

    Raises:
        KubeFailed: ServiceMonitors may not be listed.
        NoReply, NoAnswer: Prometheus does not answer.
    """
    if seen.source.service is None:
        return f"there is no Service of {seen.source.what}"
    return why_not_scraped(seen.source.service, monitors(kube), prometheus.pools())
