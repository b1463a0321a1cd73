# SPDX-License-Identifier: Apache-2.0
"""OBS-3: every panel of every dashboard shows something on a system that is in use."""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, answer, new_run
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.observability.dashboards import dashboards, lost_sources, queries
from mlflow_conformance.observability.panels import shown
from mlflow_conformance.observability.pictured import pictured
from mlflow_conformance.observability.prometheus import Prometheus
from mlflow_conformance.observability.thresholds import Panels
from mlflow_conformance.report.dashboards import (
    OBSERVATION,
    RECORD,
    DashboardsRecord,
    line_of,
)
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.target.base import Target


@check(
    "OBS-3",
    impact="Somebody opens the dashboard in an incident, and its panels are empty.",
    remedy="Correct the query's metric and labels, scrape what exports that metric, and let a "
    "variable of the dashboard name the data source.",
    writes=("mlflow", "cluster"),
)
def test_every_panel_shows_something(
    evidence: Evidence,
    target: Target,
    kube: Kube,
    prometheus: Prometheus,
    service: MlflowApi,
    backup_there: None,
    experiment: str,
    belongings: Belongings,
    unique: Unique,
    waiter: Waiter,
) -> None:
    """Every query of every dashboard brings data, for every value of its variables.

    Preconditions: a Prometheus is there, or can be installed; a backup was made, or can be.
    Steps: log a run with a metric, a param and a tag, and register a model; run every query of
    the dashboards in the namespace.
    Expected: as many panels as the profile says, or more; each asks a data source that people
    choose or that the profile names; each of their queries is taken, names metrics that are
    exported, and brings a number.
    """
    names = target.names.monitoring
    if names is None:
        evidence.undecided("the profile does not say how the deployment is watched")
    row = evidence.row(Panels)
    _use(service, experiment, belongings.model(unique("model")))
    there = dashboards(kube, names.dashboards)
    found = [query for each in there for query in queries(each, prometheus.values)]
    panels = sorted({query.panel for query in found})
    evidence.note("panels", panels, door="kubernetes")
    evidence.expect("panels", "panels with queries", len(panels), ">=", row.panels)
    evidence.expect(
        "sources.lost", "panels that ask a data source of another Grafana",
        [lost for each in there for lost in lost_sources(each, row.data_sources)], "==", [],
        door="kubernetes",
    )  # fmt: skip
    seen = waiter.last_seen(
        "there: data of every panel",
        lambda: shown(found, prometheus),
        done=lambda seen: seen.complete,
        timeout="scraped",
        interval_s=3,
    )
    evidence.note("queries", len(found), door="inside")
    _draw(evidence, pictured(there, prometheus))
    evidence.expect(
        "queries.refused", "queries that Prometheus refuses", seen.refused, "==", [], door="inside"
    )
    evidence.expect(
        "metrics.unknown", "metrics of panels that nothing exports", seen.unknown, "==", [],
        door="inside",
    )  # fmt: skip
    evidence.expect(
        "panels.empty", "queries of panels that bring nothing", seen.empty, "==", [], door="inside"
    )


def _draw(evidence: Evidence, record: DashboardsRecord) -> None:
    """Keep what the report draws of the dashboards; it decides nothing."""
    evidence.attach(RECORD, record.model_dump_json() + "\n", "application/json", ".json")
    for each in record.dashboards:
        evidence.note(OBSERVATION, line_of(each), door="inside")


def _use(service: MlflowApi, experiment: str, model: str) -> None:
    """One of everything that the dashboards count."""
    run = new_run(service, experiment).run_id
    for call, fields in (
        ("runs/log-metric", {"run_id": run, "key": "m", "value": 1, "timestamp": 1}),
        ("runs/log-parameter", {"run_id": run, "key": "p", "value": "1"}),
        ("runs/set-tag", {"run_id": run, "key": "t", "value": "1"}),
        ("registered-models/create", {"name": model}),
        ("model-versions/create", {"name": model, "source": f"runs:/{run}/m", "run_id": run}),
        ("runs/search", {"experiment_ids": [experiment]}),
    ):
        answer(call, service.post(call, **fields))
