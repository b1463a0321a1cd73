# SPDX-License-Identifier: Apache-2.0
"""OBS-4: the server's traces arrive, whole and in the promised share, and cost nothing."""

import random
import time

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.shares import likely
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import send_many
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.load.expectations import note_others
from mlflow_conformance.load.machine import OthersCpu
from mlflow_conformance.observability.callers import called, labelled, searching
from mlflow_conformance.observability.thresholds import Sampled, Traced, Uncollected
from mlflow_conformance.observability.traced import all_joined, arrived, without_database
from mlflow_conformance.observability.uncollected import (
    answers_of,
    arrives,
    collector_away,
    replica_started,
)
from mlflow_conformance.run.fixtures.belongings import Unique
from mlflow_conformance.stand.tracing import Tracing
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.machine import cluster_cpu

_AT_ONCE = 8
_PATIENCE_S = 300.0
_CLOCKS_S = 60.0
"""By how much the clocks of pods and of this machine may differ."""
_OTHERS = 200
"""Traces of others, such as probes, among which the counted ones are looked for."""


@check(
    "OBS-4",
    impact="Whoever follows a slow request ends at MLflow's door: what it did there, and how long "
    "the database took, is in no trace.",
    remedy="Give the exporter the collector's address and let the network policies admit it; "
    "sample by the caller's decision (parentbased_…); install the instrumentation of the "
    "database's driver beside that of the server.",
    writes=("cluster",),
)
def test_traces_are_joined_and_whole(
    evidence: Evidence,
    tracing: Tracing,
    inside: Inside,
    replicas: list[MlflowApi],
    rng: random.Random,
    waiter: Waiter,
) -> None:
    """The server's spans are in its caller's trace, and those of the database below them.

    Preconditions: the deployment traces, or can be switched to; a Jaeger is there, or can be
    installed; pods of MLflow are ready.
    Steps: ask every replica for something in the database, as callers that trace themselves; half
    of them say that their trace is kept, the other half that it is not.
    Expected: each trace that is kept holds a span of the server as a child of the caller's, in
    time, and a span of the database below it; nothing arrives of the others.
    """
    row = evidence.row(Traced)
    kept, others = (
        [called(request, rng, sampled=sampled) for request in searching(replicas, row.requests)]
        for sampled in (True, False)
    )
    sent = [request for pair in zip(kept, others, strict=True) for request, _ in pair]
    outcomes = send_many(inside, sent, concurrency=_AT_ONCE, patience_s=_PATIENCE_S)
    if failed := [outcome.status for outcome in outcomes if outcome.status != 200]:
        evidence.undecided(f"{len(failed)} requests of {len(sent)} failed: {failed[:5]}")
    began = time.monotonic()
    callers = [caller for _, caller in kept]
    joined = all_joined(tracing.jaeger, callers, waiter)
    took = round(time.monotonic() - began, 1)
    missing = len(callers) - len(joined)
    evidence.expect(
        "joined.missing", f"of {len(callers)} traces that are kept, those without the server's "
        "span below the caller's", missing, "==", 0, door="inside",
    )  # fmt: skip
    evidence.expect(
        "arrival", "time from the last answer until all had arrived", took, "<=", row.arrives_s,
        unit="s", door="inside",
    )  # fmt: skip
    evidence.expect(
        "unsampled.arrived", f"of {len(others)} traces that are not kept, those that arrived",
        len(arrived(tracing.jaeger, [caller for _, caller in others])), "==", 0, door="inside",
    )  # fmt: skip
    for trace in list(joined.values())[:1]:
        spans = [f"{span.tags.get('span.kind', 'internal')}: {span.name}" for span in trace.spans]
        evidence.note("spans of one trace", spans, door="inside")
    evidence.expect(
        "database.missing", "of the traces that arrived, those without a statement of the database "
        "below the request", len(without_database(joined)), "==", 0, door="inside",
    )  # fmt: skip


@check(
    "OBS-4.share",
    impact="Traces cost more than was planned, or there are none of what people ask about.",
    remedy="Set the sampler's share (OTEL_TRACES_SAMPLER_ARG), and look whether the exporter's "
    "queue or the collector drops spans.",
    writes=("cluster",),
)
def test_every_tenth_is_traced(
    evidence: Evidence,
    tracing: Tracing,
    steady_replicas: None,
    inside: Inside,
    replicas: list[MlflowApi],
    unique: Unique,
    rng: random.Random,
    waiter: Waiter,
) -> None:
    """Of requests whose callers do not trace themselves the promised share is traced.

    Preconditions: as OBS-4.
    Steps: send requests to the replicas in turn; when the trace of a later request to each has
    arrived, and no other for a while, count those that arrived of them.
    Expected: the count is in the interval that the binomial distribution gives the share.
    """
    row = evidence.row(Sampled)
    least, most = likely(row.requests, row.share, row.doubt)
    label = unique("untraced")
    sent = [labelled(request, label) for request in searching(replicas, row.requests)]
    began = time.time()
    outcomes = send_many(inside, sent, concurrency=_AT_ONCE, patience_s=_PATIENCE_S)
    if failed := [outcome.status for outcome in outcomes if outcome.status != 200]:
        evidence.undecided(f"{len(failed)} requests of {len(sent)} failed: {failed[:5]}")
    last = [called(r, rng, sampled=True) for r in searching(replicas, len(replicas))]
    send_many(inside, [request for request, _ in last], concurrency=1)
    if len(all_joined(tracing.jaeger, [caller for _, caller in last], waiter)) < len(last):
        evidence.undecided("traces do not arrive from every replica: see OBS-4")
    counts: list[int] = []

    def count() -> int:
        newest = tracing.jaeger.newest(
            tracing.service, began - _CLOCKS_S, time.time() + _CLOCKS_S, most + _OTHERS
        )
        counts.append(sum(trace.mentions(label) for trace in newest))
        return counts[-1]

    traced = waiter.last_seen(
        f"counted: the same for {row.quiet_s} s",
        count,
        done=lambda _: len(counts) > row.quiet_s and len(set(counts[-row.quiet_s - 1 :])) == 1,
        timeout="traces arrived",
        interval_s=1,
    )
    evidence.note("requests", row.requests)
    evidence.note("share that was traced", round(traced / row.requests, 4), door="inside")
    evidence.expect(
        "share.least", f"traces of {row.requests} requests", traced, ">=", least, door="inside",
        source=f"a share of {row.share:g}, outside in {row.doubt:g} of all runs",
    )  # fmt: skip
    evidence.expect(
        "share.most", f"traces of {row.requests} requests", traced, "<=", most, door="inside",
        source=f"a share of {row.share:g}, outside in {row.doubt:g} of all runs",
    )  # fmt: skip


@check(
    "OBS-4.away",
    impact="The collector of traces takes MLflow with it: people wait, or replicas do not start.",
    remedy="Export in the background (a BatchSpanProcessor, as opentelemetry-instrument sets it "
    "up), and let no container wait for the collector.",
    disruptive=True,
    writes=("cluster",),
)
def test_without_the_collector(
    evidence: Evidence,
    target: Target,
    kube: Kube,
    tracing: Tracing,
    steady_replicas: None,
    inside: Inside,
    replicas: list[MlflowApi],
    rng: random.Random,
    waiter: Waiter,
) -> None:
    """While the collector takes no connections, nothing fails, nothing waits, and replicas start.

    Preconditions: as OBS-4; the collector was installed by this run.
    Steps: wait until traces arrive; send requests that are all traced; close the collector to
    MLflow, and send as many; delete a pod of MLflow; let the collector be reached again.
    Expected: none arrives meanwhile; no more requests fail than promised, and their 95th percentile
    is as promised; the new pod is ready in time; afterwards traces arrive again, in time.
    """
    row = evidence.row(Uncollected)
    target.need_own()
    if not evidence.expect(
        "arrives", "time until traces of every replica arrive",
        arrives(inside, target, tracing, rng, waiter), "<=", row.arrives_s, unit="s", door="inside",
    ):  # fmt: skip
        return
    with_it, _ = answers_of(inside, replicas, row, rng)
    evidence.note("95th percentile with the collector", with_it.p95_s, unit="s", door="inside")
    with collector_away(target, tracing, waiter):
        with OthersCpu(cluster_cpu(target)) as others:
            without, away = answers_of(inside, replicas, row, rng)
        ready_s = replica_started(kube, target.names.mlflow.selector, waiter)
        if arrived(tracing.jaeger, away[: len(replicas) * 2]):
            evidence.undecided("traces arrived while the collector was to be away")
    starved = note_others(evidence, others.most(), row.others_cpu)
    evidence.expect(
        "failed", f"of {row.requests} requests without the collector, those that failed",
        without.failed, "<=", row.failed, door="inside", unless=starved,
    )  # fmt: skip
    evidence.expect(
        "p95", "95th percentile without the collector", without.p95_s, "<=", row.p95_s, unit="s",
        door="inside", unless=starved,
    )  # fmt: skip
    evidence.expect(
        "ready", "time until a replica that was started meanwhile is ready", ready_s, "<=",
        row.ready_s, unit="s", door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "arrives", "time until traces of every replica arrive",  # once the collector is back
        arrives(inside, target, tracing, rng, waiter), "<=", row.arrives_s, unit="s", door="inside",
    )  # fmt: skip
