# SPDX-License-Identifier: Apache-2.0
"""OBS-2: alerts with a threshold fire just above what is promised, and are silent just below."""

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, answer
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.observability import doses, faults
from mlflow_conformance.observability.asking import asking
from mlflow_conformance.observability.course import fired_within
from mlflow_conformance.observability.telling import (
    course_of,
    expect_silent,
    expect_told,
    need_silence,
    until_over,
)
from mlflow_conformance.observability.thresholds import FailingFault, SlowFault
from mlflow_conformance.observability.watching import Watching
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.target.base import Target


@check(
    "OBS-2.latency",
    impact="People wait for MLflow, and who could help is not told.",
    remedy="Let the alert take the quantile of the histogram of all replicas together.",
    disruptive=True,
    writes=("mlflow", "database"),
)
def test_alert_of_latency(
    evidence: Evidence,
    target: Target,
    watching: Watching,
    steady_replicas: None,
    replicas: list[MlflowApi],
    unique: Unique,
    belongings: Belongings,
    waiter: Waiter,
) -> None:
    """Requests that are slower than promised reach people, and so does the end; quicker ones not.

    Preconditions: a Prometheus was installed by this run; pods of MLflow are ready.
    Steps: register a model; let the database take a little less to read registered models than is
    promised, and search them alone; then let it take a little more, and search them among quick
    requests, so often that the promised quantile is one of them; then search what is quick.
    Expected: at first none of the row's alerts fires; then each of them does, reaches the receiver,
    and is resolved, in time.
    """
    row = evidence.row(SlowFault)
    _give_a_model(replicas[0], belongings.model(unique("slow")))
    need_silence(evidence, row, watching, waiter)
    with (
        faults.slow_models(target, row.bearable_s, waiter),
        asking(target.inside, replicas, {doses.HIT: row.slow_per_s}) as bearable,
    ):
        firing = fired_within(watching.prometheus, row.alerts, row.silent_s, waiter)
    quantile = doses.quantile_s(bearable, row.quantile)
    evidence.note("quantile of the bearable fault", quantile, unit="s", door="inside")
    if not row.bearable_s <= quantile <= row.promised_s:
        evidence.undecided(
            f"{row.quantile:.0%} of the requests were to take more than {row.bearable_s:g} s and "
            f"at most {row.promised_s:g} s, and took {quantile:.2f} s"
        )
    expect_silent(evidence, firing, f"the database takes {row.bearable_s:g} s longer")
    course = course_of(evidence, row, watching, waiter)
    with (
        faults.slow_models(target, row.slow_s, waiter),
        asking(target.inside, replicas, doses.mixed(row.per_s, row.slow_per_s)) as during,
    ):
        course.begun(row.fires_s + row.arrives_s)
    quantile = doses.quantile_s(during, row.quantile)
    evidence.note("quantile of the fault", quantile, unit="s", door="inside")
    if quantile <= row.promised_s:
        evidence.undecided(
            f"{row.quantile:.0%} of the requests were to take longer than {row.promised_s:g} s, "
            f"and took {quantile:.2f} s"
        )
    sent = until_over(evidence, target, replicas, row, row.after_per_s, course, during)
    fault = f"of {row.per_s} requests {row.slow_per_s} take {row.slow_s:g} s longer"
    expect_told(evidence, row, course, fault, sent)


@check(
    "OBS-2.errors",
    impact="Requests fail for hours and nobody is told, or people are told of every failure.",
    remedy="Hold the share of failures among all requests against what is promised.",
    disruptive=True,
    writes=("mlflow", "database"),
)
def test_alert_of_errors(
    evidence: Evidence,
    target: Target,
    watching: Watching,
    steady_replicas: None,
    replicas: list[MlflowApi],
    unique: Unique,
    belongings: Belongings,
    waiter: Waiter,
) -> None:
    """More failures than promised reach people, and so does the end; a few less do not.

    Preconditions: a Prometheus was installed by this run; pods of MLflow are ready.
    Steps: register a model; let the reading of registered models fail, and search them among
    other requests: first so seldom that the share of failures is just under the promise, then so
    often that it is just over it; then search what does not fail.
    Expected: at first none of the row's alerts fires; then each of them does, reaches the receiver,
    and is resolved, in time.
    """
    row = evidence.row(FailingFault)
    _give_a_model(replicas[0], belongings.model(unique("failing")))
    need_silence(evidence, row, watching, waiter)
    with doses.failing_models(target, waiter):
        seldom = doses.mixed(row.per_s, row.below)
        with asking(target.inside, replicas, seldom) as bearable:
            firing = fired_within(watching.prometheus, row.alerts, row.silent_s, waiter)
        share = doses.share_failed(bearable)
        evidence.note("share of failures that is bearable", round(share, 4), door="inside")
        if not 0 < share < row.promised:
            evidence.undecided(
                f"{row.below} of {row.per_s} requests were to fail, and {share:.1%} did"
            )
        expect_silent(evidence, firing, f"{row.below} of {row.per_s} requests fail")
        course = course_of(evidence, row, watching, waiter)
        with asking(target.inside, replicas, doses.mixed(row.per_s, row.above)) as during:
            course.begun(row.fires_s + row.arrives_s)
    share = doses.share_failed(during)
    evidence.note("share of failures that people are told of", round(share, 4), door="inside")
    if share <= row.promised:
        evidence.undecided(f"{row.above} of {row.per_s} requests were to fail, and {share:.1%} did")
    sent = until_over(evidence, target, replicas, row, row.after_per_s, course, during)
    fault = f"{row.above} of {row.per_s} requests fail"
    expect_told(evidence, row, course, fault, sent)


def _give_a_model(api: MlflowApi, name: str) -> None:
    """What waits or fails is the reading of rows of models, so that there must be one."""
    answer("registered-models/create", api.post("registered-models/create", name=name))
