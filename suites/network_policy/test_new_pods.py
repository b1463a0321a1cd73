# SPDX-License-Identifier: Apache-2.0
"""NET: policies from the first moment of a pod."""

from contextlib import suppress

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.network_policy.matrix import Destination, probed
from mlflow_conformance.network_policy.pods import Probes
from mlflow_conformance.network_policy.services import destinations
from mlflow_conformance.network_policy.thresholds import Birth
from mlflow_conformance.target.base import Target


@check(
    "NET-5",
    impact="A pod is open to everybody, or reaches everything, in its first moments.",
    remedy="Use a network plugin that applies policies before a pod's first packet.",
    disruptive=True,
    writes=("cluster",),
)
@pytest.mark.usefixtures("enforced_policies")
def test_policies_hold_from_birth(
    evidence: Evidence, target: Target, kube: Kube, probe_pods: Probes, waiter: Waiter
) -> None:
    """Policies hold for pods that are born during the check, from their first moment.

    Preconditions: NET-0; at least two replicas of MLflow; the profile has a source that reaches
    nothing, and one that reaches MLflow.
    Steps: make a pod of the former that connects to every service from its first instruction on;
    delete an MLflow pod, and connect to its successor from every source as soon as it has an
    address.
    Expected: all attempts of sources that may not reach MLflow time out, and the others reach the
    successor.
    """
    names = target.names.mlflow
    row = evidence.row(Birth)
    sources = probed(row.sources)
    nothing = [s for s in sources.values() if not s.reaches]
    denied = [name for name, source in sources.items() if "mlflow" not in source.reaches]
    if not nothing or len(denied) == len(sources):
        evidence.undecided("this needs a source that reaches nothing, and one that reaches MLflow")
    everything = destinations(kube, target.names)
    probe_pods.watchers(
        {"newborn": nothing[0]},
        everything,
        attempt_timeout_s=row.attempt_timeout_s,
        for_s=row.watch_s,
    )

    def replicas() -> list[Pod]:
        return [p for p in kube.pods(names.selector, container=names.container) if p.replica]

    before = kube.ready_pods(names.selector, container=names.container)
    if len(before) < 2:
        evidence.undecided("MLflow has fewer than two ready replicas to spare one")
    probe_pods.ensure(sources)
    kube.delete("pod", before[0].name)
    born = waiter.until(
        "there: the address of a new MLflow pod",
        lambda: [p for p in replicas() if p.uid not in {b.uid for b in before}],
        done=lambda pods: any(p.ip for p in pods),
        timeout="pod ready",
        interval_s=0.2,
    )
    new = next(p for p in born if p.ip)
    successor = Destination("the new pod", "mlflow", new.ip or "", names.port)
    replies: dict[str, list[str]] = {}

    def ask() -> bool:
        wanted = {name: [successor] for name in sources}
        answers = probe_pods.attempts(wanted, row.attempt_timeout_s)
        for name, (answer,) in answers.items():
            replies.setdefault(name, []).append(answer.outcome)
        ready = any(p.uid == new.uid and p.ready for p in replicas())
        return ready and all(replies[n][-1] == "open" for n in sources if n not in denied)

    # Its time over, the last replies say who was not let in.
    with suppress(TimedOut):
        waiter.until(
            "open to authorized sources: the new MLflow pod",
            ask,
            done=lambda reached: reached,
            timeout="pod ready",
            interval_s=0.1,
        )
    evidence.note("attempts", {n: len(r) for n, r in replies.items()}, door="inside")
    evidence.expect(
        "successor.unreached",
        "authorized sources that do not reach the new pod",
        [n for n in sources if n not in denied and replies[n][-1] != "open"],
        "==",
        [],
        door="inside",
    )
    evidence.expect(
        "successor.answers",
        "answers of the new pod to denied sources",
        sorted({f"{n}: {o}" for n in denied for o in replies[n] if o != "timeout"}),
        "==",
        [],
        door="inside",
    )
    waiter.until(
        "ended: the new pod that watches",
        lambda: probe_pods.has_ended("newborn"),
        done=lambda ended: ended,
        timeout="pod ready",
    )
    rounds = probe_pods.watched("newborn")
    evidence.note("rounds of the new denied pod", len(rounds), door="inside")
    if not rounds:
        evidence.undecided("the new denied pod tried nothing")
    evidence.expect(
        "newborn.answers",
        "answers to the new denied pod",
        sorted(
            {
                f"{destination.name}: {reply.outcome}"
                for answers in rounds
                for destination, reply in zip(everything, answers, strict=True)
                if reply.outcome != "timeout"
            }
        ),
        "==",
        [],
        door="inside",
    )
    waiter.until(
        "as before: MLflow's replicas",
        replicas,
        done=lambda pods: (
            len(pods) >= len(before) and all(p.ready and not p.terminating for p in pods)
        ),
        timeout="pod ready",
    )
