# SPDX-License-Identifier: Apache-2.0
"""OBS-1: an operator finds the deployment's monitors, and Prometheus scrapes every pod."""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import answer
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.observability.prometheus import Prometheus
from mlflow_conformance.observability.scraping import Scraping, scraped, sources, why_missing
from mlflow_conformance.observability.thresholds import Scraped
from mlflow_conformance.target.base import Target


@check(
    "OBS-1",
    impact="Nobody sees how MLflow does: dashboards are empty, and alerts about it cannot fire.",
    remedy="Compare the ServiceMonitor's selector and port with the Service's labels and ports; a "
    "403 is the Host header, a 401 the missing account, a time-out a network policy.",
    writes=("cluster",),
)
def test_every_pod_is_scraped(
    evidence: Evidence, target: Target, kube: Kube, prometheus: Prometheus, waiter: Waiter
) -> None:
    """Every pod that has metrics is scraped once by a Prometheus with an operator.

    Preconditions: pods of MLflow are ready; a Prometheus is there, or can be installed.
    Steps: ask every replica something; read the targets of Prometheus, and its series.
    Expected: every ready pod of MLflow, and of PostgreSQL beside its exporter, is a target once,
    up, at the profile's interval or more often; and the metrics of the row are there of each.
    """
    row = evidence.row(Scraped)
    urls = target.replica_urls()
    if not urls:
        evidence.undecided("no pod of MLflow is ready")
    for url in urls:
        answer("experiments/search", target.api(url).get("experiments/search", max_results=1))
    for seen, lacking in _settled(kube, target.names, prometheus, row, waiter):
        what = seen.source.what
        ways = {pod: [t.pool for t in targets] for pod, targets in seen.targets.items()}
        evidence.note(f"{what}: scrape pools of each pod", ways, door="inside")
        why = [f"{pod}: {why_missing(kube, seen, prometheus)}" for pod in seen.missing]
        evidence.expect(
            "targets.missing", f"{what}: pods without a target", why, "==", [], door="inside"
        )
        evidence.expect(
            "targets.down", f"{what}: targets that are not up", seen.down, "==", [], door="inside"
        )
        evidence.expect(
            "targets.twice", f"{what}: pods scraped more than once", seen.twice, "==", [],
            door="inside",
        )  # fmt: skip
        intervals = [t.interval_s for targets in seen.targets.values() for t in targets]
        if intervals:
            evidence.expect(
                "interval", f"{what}: longest scrape interval", max(intervals), "<=",
                row.interval_s, unit="s", door="inside",
            )  # fmt: skip
        evidence.expect(
            "series.missing", f"{what}: metrics that Prometheus does not have", lacking, "==", [],
            door="inside",
        )  # fmt: skip


_Seen = list[tuple[Scraping, list[str]]]


def _settled(
    kube: Kube, names: Names, prometheus: Prometheus, row: Scraped, waiter: Waiter
) -> _Seen:
    """What is scraped, and which metrics lack, when all is there or the time for that is over."""

    def look() -> _Seen:
        found = scraped(sources(kube, names), prometheus.targets())
        return [(s, s.without(getattr(row.series, s.source.what), prometheus)) for s in found]

    return waiter.last_seen(
        "scraped: every pod that has metrics",
        look,
        done=lambda seen: not any(s.missing or s.down or lacking for s, lacking in seen),
        timeout="scraped",
        interval_s=2,
    )
