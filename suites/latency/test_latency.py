# SPDX-License-Identifier: Apache-2.0
"""LAT: how long people and jobs wait."""

from dataclasses import replace

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.mlflow import new_run
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.latency.judging import expect_latency, expect_offered
from mlflow_conformance.latency.measuring import Measured
from mlflow_conformance.latency.thresholds import Burst
from mlflow_conformance.load.expectations import note_others
from mlflow_conformance.load.machine import OthersCpu
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.machine import cluster_cpu


@check(
    "LAT-1",
    impact="People and jobs wait for the server, or lose what they sent.",
    remedy="Look at the latency report's time line: more replicas for a steady slowness, the "
    "cause for a spike.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_operations_answer_in_time(evidence: Evidence, measured: Measured) -> None:
    """Every operation answers in time and without errors at the stated arrival rate.

    Preconditions: MLflow is ready.
    Steps: send the profile's workload through the front door, open-model and without retries.
    Expected: per operation the percentiles and the share of errors of the profile, latency counted
    from the planned moment, and no container that ends meanwhile; when others took more of this
    machine's CPU than the profile allows, what is too slow decides nothing.
    """
    expect_latency(evidence, measured)


@check(
    "LAT-3",
    impact="The server holds so many requests open that others cannot even be sent.",
    remedy="See what it waits for: the database, the object store, or itself.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_load_was_taken_as_planned(evidence: Evidence, measured: Measured) -> None:
    """The server took all the load that was planned, when it was planned.

    Preconditions: as LAT-1.
    Steps: hold what was sent, and when, against the plan.
    Expected: the sender was on time (else nothing is known about the server, and LAT-1 is unknown
    too), and as good as every planned request was sent.
    """
    expect_offered(evidence, measured)


@check(
    "LAT-1.burst",
    impact="Jobs that log at the same moment lock one another out, and everybody behind them.",
    remedy="Give MLflow a pool of more database connections than requests that it serves at once.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_a_burst_of_writers_is_answered(
    evidence: Evidence, target: Target, inside: Inside, experiment: str
) -> None:
    """Writers that come to one replica at the same moment are all answered in time.

    Preconditions: a replica is ready.
    Steps: send as many runs/log-batch at once to one replica as the profile says, each to a run of
    its own.
    Expected: every one is answered with 200, the last one within the profile's bound.
    """
    replica = target.api(target.replica_urls()[0])
    row = evidence.row(Burst)
    runs = [new_run(replica, experiment).run_id for _ in range(row.writers)]
    patience = 2 * row.within_s + 30
    patient = replace(replica, timeout_s=patience)
    asked = [Request.post(patient, "runs/log-batch", run_id=r, metrics=_METRICS) for r in runs]
    with OthersCpu(cluster_cpu(target)) as others:
        outcomes = send_many(inside, asked, concurrency=row.writers, patience_s=2 * patience)
    replies = [o.reply for o in outcomes]
    statuses = [r.status if isinstance(r, Reply) else str(r) for r in replies]
    slowest = max(r.elapsed_s for r in replies)
    evidence.note("writers at once", row.writers, door="inside")
    evidence.expect(
        "refused", "writes that were refused", [s for s in statuses if s != 200], "==", [],
        door="inside",
    )  # fmt: skip
    starved = note_others(evidence, others.most(), row.others_cpu)
    evidence.expect(
        "slowest", "slowest write", round(slowest, 2), "<=", row.within_s, unit="s", door="inside",
        unless=starved,
    )  # fmt: skip


_METRICS = [{"key": f"m{n}", "value": n, "timestamp": 1, "step": 1} for n in range(50)]
