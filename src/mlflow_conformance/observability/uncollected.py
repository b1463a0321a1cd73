# SPDX-License-Identifier: Apache-2.0
"""What a deployment that traces does while the collector of its traces takes no connections."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import Inside, InsideSender
from mlflow_conformance.doors.many import Outcome, send_many
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.load.analysis import at_rank
from mlflow_conformance.observability.callers import Caller, called, searching
from mlflow_conformance.observability.thresholds import Uncollected
from mlflow_conformance.observability.traced import arrived
from mlflow_conformance.stand.tracing import Tracing
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed

_POLICY = "conformance-collector-away"


@dataclass(frozen=True)
class AnsweredRequests:
    """How requests were answered.

    Attributes:
        failed: how many had no reply, or another status than 200.
        p95_s: 95th percentile of the time until a reply, or until there was none, seconds.
    """

    failed: int
    p95_s: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "AnsweredRequests":
        """What became of requests, of which there is one at least."""
        took = sorted(outcome.reply.elapsed_s for outcome in outcomes)
        return cls(
            failed=sum(outcome.status != 200 for outcome in outcomes),
            p95_s=round(at_rank(took, 0.95), 3),
        )


def answers_of(
    inside: Inside, replicas: Sequence[MlflowApi], row: Uncollected, rng: random.Random
) -> tuple[AnsweredRequests, list[Caller]]:
    """Send requests of callers whose traces are kept; how they were answered, and the callers.

    Raises:
        InsideFailed: the runner did not carry them out.
    """
    pairs = [called(r, rng, sampled=True) for r in searching(replicas, row.requests)]
    requests = [replace(request, timeout_s=row.timeout_s) for request, _ in pairs]
    # The longest that it can take: every request waits for its whole time.
    patience_s = row.timeout_s * (row.requests / row.at_once + 1)
    outcomes = send_many(inside, requests, concurrency=row.at_once, patience_s=patience_s)
    return AnsweredRequests.of(outcomes), [caller for _, caller in pairs]


@contextmanager
def collector_away(target: Target, tracing: Tracing, waiter: Waiter) -> Iterator[None]:
    """The collector takes no connection: what is sent to it is dropped without a word.

    Jaeger goes on to be asked.

    Raises:
        Undecided: this run did not install it.
        TimedOut: it still takes connections.
        Unusable: it could not be put back.
    """
    collector = tracing.need_collector()
    closed = ObjectChange(
        action="add",
        manifest={
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": _POLICY, "namespace": collector.namespace},
            "spec": {
                "podSelector": {"matchLabels": dict(collector.pods)},
                "policyTypes": ["Ingress"],
                "ingress": [{"ports": [{"port": collector.asked_port, "protocol": "TCP"}]}],
            },
        },
    )
    sender = InsideSender(target.inside)

    def taken() -> bool:
        try:
            sender(
                "GET",
                collector.takes,
                headers={},
                body=None,
                timeout_s=waiter.seconds("denied connection"),
            )
        except NoReply:
            return False
        return True

    if not taken():
        raise Undecided("the collector takes no connection before it is closed")
    with changed(target, [closed], waiter):
        waiter.until(
            "closed: the collector", taken, done=lambda open_: not open_, timeout="policy enforced"
        )
        yield


def replica_started(kube: Kube, selector: Mapping[str, str], waiter: Waiter) -> float:
    """Delete a ready pod; seconds until as many are ready as before, or until that was given up.

    Args:
        selector: labels of the pods, one of which is ready at least.
    """
    before = kube.ready_pods(selector)
    victim = before[0].name
    began = time.monotonic()
    kube.delete("pod", victim)
    waiter.last_seen(
        f"ready: as many pods as before {victim} was deleted",
        lambda: [pod.name for pod in kube.ready_pods(selector) if pod.name != victim],
        done=lambda ready: len(ready) >= len(before),
        timeout="rollout",
        interval_s=1,
    )
    return round(time.monotonic() - began, 1)


def arrives(
    inside: Inside, target: Target, tracing: Tracing, rng: random.Random, waiter: Waiter
) -> float:
    """Seconds until a trace of each replica that is ready arrives, or until that was given up.

    Each look asks every replica once more: an exporter gives up what it could not send for long.

    Raises:
        NoReply, JaegerRefused: Jaeger does not answer.
        InsideFailed: the runner did not carry the requests out.
    """
    replicas = [target.api(url) for url in target.replica_urls()]
    asked: list[list[Caller]] = [[] for _ in replicas]

    def silent() -> int:
        pairs = [called(r, rng, sampled=True) for r in searching(replicas, len(replicas))]
        send_many(inside, [request for request, _ in pairs], concurrency=len(replicas))
        for callers, (_, caller) in zip(asked, pairs, strict=True):
            callers.append(caller)
        return sum(not arrived(tracing.jaeger, callers) for callers in asked)

    began = time.monotonic()
    waiter.last_seen(
        "arrived: a trace of every replica", silent, done=lambda left: left == 0,
        timeout="traces arrived", interval_s=2,
    )  # fmt: skip
    return round(time.monotonic() - began, 1)
