# SPDX-License-Identifier: Apache-2.0
"""OBS-2: alerts are loaded, silent while all is well, and reach people when something is not."""

from collections.abc import Collection

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.observability import faults
from mlflow_conformance.observability.asking import asking, statuses
from mlflow_conformance.observability.course import fired_within, silent
from mlflow_conformance.observability.good_backup import make_backup
from mlflow_conformance.observability.telling import course_of, expect_told, until_over
from mlflow_conformance.observability.thresholds import (
    AlertedFault,
    Alerts,
    AskedFault,
    BackupFault,
    FullFault,
)
from mlflow_conformance.observability.watching import Watching
from mlflow_conformance.run.fixtures.belongings import Unique
from mlflow_conformance.target.backups.lines import documented_lines
from mlflow_conformance.target.base import Target


@check(
    "OBS-2",
    impact="Nobody is called when MLflow is in trouble, or people are called so often for nothing "
    "that they no longer look.",
    remedy="Compare the PrometheusRule with what is promised; an alert that fires while all is "
    "well has a wrong bound, or counts what is none of MLflow's.",
    writes=("cluster",),
)
def test_alerts_are_loaded_and_silent(
    evidence: Evidence,
    target: Target,
    kube: Kube,
    watching: Watching,
    replicas: list[MlflowApi],
    waiter: Waiter,
) -> None:
    """Every promised alert is loaded, as soon as promised, and silent under load.

    Preconditions: a Prometheus is there, or can be installed; pods of MLflow are ready.
    Steps: read the alerts of Prometheus; wait until none is active; send load for a while, and
    read which fire.
    Expected: the alerts are those of the row, none waits longer than it says, none fails to be
    evaluated, and none fires.
    """
    row = evidence.row(Alerts)
    promised = watching.promised(kube)
    loaded = _loaded(watching, set(promised), waiter)
    evidence.note("alertmanagers", watching.prometheus.alertmanagers(), door="inside")
    evidence.note(
        "seconds that each must hold, as it is shipped and as it was tested",
        {name: [promised.get(name), for_s] for name, for_s in sorted(loaded.items())},
    )
    missing = sorted(set(row.alerts) - set(loaded))
    evidence.expect(
        "alerts.missing", "promised alerts that are not loaded", missing, "==", [], door="inside"
    )  # fmt: skip
    evidence.expect(
        "alerts.unpromised", "alerts of the deployment that the profile does not name",
        sorted(set(promised) - set(row.alerts)), "==", [], door="kubernetes",
    )  # fmt: skip
    late = [
        f"{name}: {for_s:g} s"
        for name, for_s in sorted(promised.items())
        if for_s > row.alerts.get(name, for_s)
    ]
    evidence.expect("alerts.late", "alerts that must hold for longer", late, "==", [])
    asked, names = watching.prometheus, sorted(loaded)
    restless = silent(asked, names, row.settles_s, waiter)
    with asking(target.inside, replicas, {"experiments": row.per_s}) as sent:
        firing = fired_within(asked, names, row.load_s, waiter)
    evidence.note("alerts that were active before the load", restless, door="inside")
    evidence.note("statuses under load", statuses(sent))
    errors = {a.name: a.error for a in watching.prometheus.alerts() if a.name in loaded and a.error}
    evidence.expect(
        "alerts.failing", "alerts that cannot be evaluated", errors, "==", {}, door="inside"
    )
    evidence.expect(
        "alerts.firing", "alerts that fire while all is well", sorted(firing), "==", [],
        door="inside",
    )  # fmt: skip


@check(
    "OBS-2.backups",
    impact="Backups fail for weeks, and it is known when one is needed.",
    remedy="Let the alerts read what kube-state-metrics says of the CronJob and of its Jobs, by "
    "their owner.",
    disruptive=True,
    writes=("cluster", "bucket"),
)
def test_alerts_of_backups(
    evidence: Evidence,
    target: Target,
    kube: Kube,
    watching: Watching,
    backup_there: None,
    service: MlflowApi,
    unique: Unique,
    waiter: Waiter,
) -> None:
    """A failed backup, and the lack of a good one, reach people; the next good one resolves it.

    Preconditions: a Prometheus was installed by this run; the last backup was good.
    Steps: let a Job of the backup fail; make the cluster say that the last good one is old; then
    make a good one by the documented line; search experiments meanwhile.
    Expected: each alert of the row fires, reaches the receiver, and is resolved, in time.
    """
    names = target.names.backup
    if names is None:
        evidence.undecided("the profile does not say how backups are made")
    row = evidence.row(BackupFault)
    target.need_own()
    course = course_of(evidence, row, watching, waiter)
    failing = faults.failed_backup(kube, names, unique("failing"), row.failing_environment, waiter)
    old = faults.no_backup_for(kube, names, row.age_s, waiter)
    with (
        documented_lines(kube, target) as lines,
        failing,
        old,
        asking(target.inside, [service], {"experiments": row.per_s}) as sent,
    ):
        course.begun(row.fires_s + row.arrives_s)
        make_backup(kube, names, lines, unique("good"), waiter)
        course.ended(row.resolves_s)
    evidence.note("statuses", statuses(sent))
    expect_told(evidence, row, course, "a failed backup, and none for long", sent)


@check(
    "OBS-2.connections",
    impact="PostgreSQL turns MLflow's connections away, and nobody was told before.",
    remedy="Let the alert hold the exporter's count of connections against the limit.",
    disruptive=True,
    writes=("cluster",),
)
def test_alert_of_connections(
    evidence: Evidence,
    target: Target,
    sql: Sql,
    watching: Watching,
    steady_replicas: None,
    service: MlflowApi,
    waiter: Waiter,
) -> None:
    """When PostgreSQL's connections are nearly all taken, it reaches people, and so does the end.

    Preconditions: a Prometheus was installed by this run; PostgreSQL is in the namespace.
    Steps: let PostgreSQL allow few connections, and hold a share of them open; search experiments
    meanwhile, and until it is over.
    Expected: each alert of the row fires, reaches the receiver, and is resolved, in time.
    """
    row = evidence.row(FullFault)
    course = course_of(evidence, row, watching, waiter)
    with (
        faults.full_database(target, sql, row.maximum, row.share, waiter),
        asking(target.inside, [service], {"experiments": row.per_s}) as during,
    ):
        course.begun(row.fires_s + row.arrives_s)
    sent = until_over(evidence, target, [service], row, row.per_s, course, during)
    fault = f"{row.share:.0%} of {row.maximum} connections are open"
    expect_told(evidence, row, course, fault, sent)


@check(
    "OBS-2.database",
    impact="MLflow answers 503 to everybody, and nobody is called.",
    remedy="Let the alerts read what MLflow tells its callers, what the exporter sees, and that "
    "there is nothing to be seen.",
    disruptive=True,
    writes=("cluster",),
)
def test_alerts_of_the_database(
    evidence: Evidence,
    target: Target,
    watching: Watching,
    steady_replicas: None,
    replicas: list[MlflowApi],
    waiter: Waiter,
) -> None:
    """When PostgreSQL is gone, and requests fail, it reaches people, and so does the end.

    Preconditions: a Prometheus was installed by this run; PostgreSQL is in the namespace.
    Steps: let PostgreSQL have no pod, and ask every replica; then ask on when it is back.
    Expected: each alert of the row fires, reaches the receiver, and is resolved, in time.
    """
    row = evidence.row(AskedFault)
    course = course_of(evidence, row, watching, waiter)
    with (
        faults.no_database(target, waiter),
        asking(target.inside, replicas, {"experiments": row.per_s}) as during,
    ):
        course.begun(row.fires_s + row.arrives_s)
    sent = until_over(evidence, target, replicas, row, row.after_per_s, course, during)
    expect_told(evidence, row, course, "PostgreSQL has no pod", sent)


@check(
    "OBS-2.down",
    impact="MLflow is gone, and its users are the first to notice.",
    remedy="Let the alert count the lack of every target as being down.",
    disruptive=True,
    writes=("cluster",),
)
def test_alert_of_no_server(
    evidence: Evidence,
    target: Target,
    watching: Watching,
    steady_replicas: None,
    service: MlflowApi,
    waiter: Waiter,
) -> None:
    """When MLflow has no pod, it reaches people, and so does the end.

    Preconditions: a Prometheus was installed by this run.
    Steps: scale MLflow to nothing, so that there is nothing to scrape; then back; search
    experiments meanwhile.
    Expected: each alert of the row fires, reaches the receiver, and is resolved, in time.
    """
    row = evidence.row(AlertedFault)
    course = course_of(evidence, row, watching, waiter)
    with (
        faults.no_server(target, waiter),
        asking(target.inside, [service], {"experiments": row.per_s}) as during,
    ):
        course.begun(row.fires_s + row.arrives_s)
    sent = until_over(evidence, target, [service], row, row.per_s, course, during)
    expect_told(evidence, row, course, "MLflow has no pod", sent)


def _loaded(watching: Watching, promised: Collection[str], waiter: Waiter) -> dict[str, float]:
    """How long each of the promised alerts must hold, as Prometheus has it, when all are there.

    When the time for that is over, of those that are.
    """

    def look() -> dict[str, float]:
        return {a.name: a.for_s for a in watching.prometheus.alerts() if a.name in promised}

    return waiter.last_seen(
        "loaded: every alert",
        look,
        done=lambda seen: len(seen) == len(promised),
        timeout="scraped",
    )
