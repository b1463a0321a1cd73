# SPDX-License-Identifier: Apache-2.0
"""NET: who reaches MLflow, PostgreSQL and the bucket, and who does not."""

from collections.abc import Sequence
from contextlib import suppress

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.network_policy.canary import Canary
from mlflow_conformance.network_policy.matrix import Cell, Destination, Source
from mlflow_conformance.network_policy.pods import Probes, attempts_from
from mlflow_conformance.network_policy.services import (
    Place,
    destination_of,
    destinations,
    exposures,
)
from mlflow_conformance.network_policy.survey import survey
from mlflow_conformance.target.base import Target


@check(
    "NET-0",
    impact="Network policies are accepted and not enforced: every pod reaches everything.",
    remedy="Use a network plugin that enforces NetworkPolicy, such as Cilium or Calico.",
)
def test_policies_are_enforced(evidence: Evidence, canary: Canary) -> None:
    """The cluster enforces network policies.

    Preconditions: two pods of the suite with an open path between them.
    Steps: deny the path by a policy, lift the policy.
    Expected: the path is cut while the policy is there, and open before and after.
    """
    if canary.before != "open":
        evidence.undecided(f"the canary's path was not open before any policy: {canary.before}")
    evidence.expect(
        "path-under-denying-policy",
        "path under a denying policy",
        canary.denied,
        "==",
        "timeout",
        door="inside",
    )
    if canary.after is not None:
        evidence.expect(
            "path-after-lifted",
            "path after it was lifted",
            canary.after,
            "==",
            "open",
            door="inside",
        )
        evidence.note("cut after", canary.cut_after_s, unit="s")
        evidence.note("open again after", canary.open_after_s, unit="s")


@check(
    "NET-1",
    impact="Workloads that nobody authorized reach the tracking server or its stores, "
    "or authorized ones are locked out.",
    remedy="Compare the NetworkPolicies of the namespace with the sources in the profile.",
)
@pytest.mark.usefixtures("enforced_policies")
def test_matrix_of_sources(
    evidence: Evidence, target: Target, kube: Kube, probe_pods: Probes, waiter: Waiter
) -> None:
    """Only authorized sources reach MLflow, PostgreSQL and the bucket.

    Preconditions: NET-0; every service has a ready pod.
    Steps: from a pod of every source of the profile, connect to every Service and every pod.
    Expected: what the profile allows answers, everything else times out.
    """
    sources = evidence.parsed("sources", dict[str, Source])
    matrix = survey(probe_pods, sources, destinations(kube, target.names), waiter)
    cells = matrix.cells
    evidence.note("matrix", matrix.table(), door="inside")
    evidence.note("attempts until allowed paths were open", matrix.rounds)
    evidence.expect(
        "cells-tried",
        "cells tried",
        len(cells),
        "==",
        len(sources) * len(matrix.destinations),
        door="inside",
    )
    _expect_right(evidence, "wrong cells", cells)


@check(
    "NET-2",
    impact="The database or the bucket can be read and written past MLflow and its access rules.",
    remedy="Admit MLflow's and the backup's pods alone, and keep the Services of type ClusterIP.",
)
@pytest.mark.usefixtures("enforced_policies")
def test_stores_admit_mlflow_and_the_backup_alone(
    evidence: Evidence, target: Target, kube: Kube, probe_pods: Probes, waiter: Waiter
) -> None:
    """PostgreSQL and the bucket admit MLflow and the backup alone; nothing outside leads to them.

    Preconditions: NET-0; every service has a ready pod.
    Steps: connect to both stores from MLflow's own pods and from a pod of every source; read
    Services, Ingresses and pods.
    Expected: MLflow and the sources that the profile allows are answered, others time out; no
    NodePort, LoadBalancer, Ingress or host port leads to a store.
    """
    stores = [d for d in destinations(kube, target.names) if d.service in ("postgresql", "s3")]
    if not stores:
        evidence.undecided("neither store runs in the cluster")
    matrix = survey(probe_pods, evidence.parsed("sources", dict[str, Source]), stores, waiter)
    cells = [*matrix.cells, *_from_servers(evidence, target, kube, waiter, stores, allowed=True)]
    evidence.note("cells", {f"{c.source} to {c.destination.name}": str(c) for c in cells})
    _expect_right(evidence, "wrong cells", cells)
    evidence.expect(
        "ways-outside",
        "ways in from outside",
        exposures(kube, target.names),
        "==",
        [],
        door="kubernetes",
    )


@check(
    "NET-3",
    impact="Code that runs in MLflow, such as a malicious model, reaches the cluster's API, other "
    "tenants or the internet.",
    remedy="Let MLflow's NetworkPolicy list DNS, PostgreSQL and object storage as egress, no more.",
)
@pytest.mark.usefixtures("enforced_policies")
def test_egress_of_mlflow(
    evidence: Evidence, target: Target, kube: Kube, probe_pods: Probes, waiter: Waiter
) -> None:
    """MLflow's pods reach DNS, PostgreSQL and the bucket, and nothing else.

    Preconditions: NET-0; what is to be denied is open from a pod that no policy restricts.
    Steps: connect from MLflow's own containers to what the profile lists.
    Expected: the stores and DNS are open, everything else times out.
    """
    stores = [d for d in destinations(kube, target.names) if d.service in ("postgresql", "s3")]
    allowed = [*stores, *_places(evidence, kube, "allowed")]
    denied = _places(evidence, kube, "denied")
    control = "unrestricted"
    probe_pods.place({control: Source(reaches=[])})
    answers = probe_pods.attempts({control: denied}, waiter.seconds("denied connection"))[control]
    closed = [d.name for d, a in zip(denied, answers, strict=True) if a.outcome != "open"]
    if closed:
        evidence.undecided(f"not even an unrestricted pod reaches {', '.join(closed)}")
    cells = [
        *_from_servers(evidence, target, kube, waiter, allowed, allowed=True),
        *_from_servers(evidence, target, kube, waiter, denied, allowed=False),
    ]
    evidence.note("cells", {f"{c.source} to {c.destination.name}": str(c) for c in cells})
    _expect_right(evidence, "wrong cells", cells)


@check(
    "NET-4",
    impact="Clients wait where they should be told, or a scan finds what a policy should hide.",
    remedy="List ports in every rule of the NetworkPolicies, and look for an overloaded node.",
)
@pytest.mark.usefixtures("enforced_policies")
def test_denied_times_out_and_allowed_answers_quickly(
    evidence: Evidence, target: Target, kube: Kube, probe_pods: Probes, waiter: Waiter
) -> None:
    """Denied is a time-out, also on ports that nobody listens on; allowed answers within a second.

    Preconditions: NET-0; every service has a ready pod.
    Steps: from every source, connect to a port of every pod that no policy admits, and several
    times to what the source may reach.
    Expected: the unlisted port times out for everybody; each allowed answer is quick.
    """
    sources = evidence.parsed("sources", dict[str, Source])
    limit = evidence.number("allowed_within_s")
    port = int(evidence.number("unlisted_port"))
    everything = destinations(kube, target.names)
    hidden = [
        Destination(f"{d.name} port {port}", "nobody", d.host, port)
        for d in everything
        if d.name.startswith("pod ")
    ]
    unlisted = survey(probe_pods, sources, hidden, waiter)
    _expect_right(evidence, "answers of an unlisted port", unlisted.cells)

    survey(probe_pods, sources, everything, waiter)  # until every allowed path is open
    wanted = {
        name: [d for d in everything if d.service in source.reaches]
        for name, source in sources.items()
        if source.reaches
    }
    slow: list[str] = []
    slowest = 0.0
    for _ in range(int(evidence.number("attempts"))):
        for name, answers in probe_pods.attempts(wanted, limit).items():
            for destination, answer in zip(wanted[name], answers, strict=True):
                slowest = max(slowest, answer.elapsed_s)
                if answer.outcome != "open" or answer.elapsed_s > limit:
                    slow.append(f"{name} to {destination.name}: {answer.outcome}")
    evidence.note("slowest answer", slowest, unit="s", door="inside")
    evidence.expect(
        "answers-came-late-or", "answers that came late or never", slow, "==", [], door="inside"
    )


@check(
    "NET-5",
    impact="A pod is open to everybody, or reaches everything, in its first moments.",
    remedy="Use a network plugin that applies policies before a pod's first packet.",
    disruptive=True,
)
@pytest.mark.usefixtures("enforced_policies")
def test_policies_hold_from_birth(
    evidence: Evidence, target: Target, kube: Kube, probe_pods: Probes, waiter: Waiter
) -> None:
    """Policies hold for pods that are born during the check, from their first moment.

    Preconditions: NET-0; at least two replicas of MLflow.
    Steps: make a denied pod that connects to every service from its first instruction on; delete
    an MLflow pod, and connect to its successor from a denied pod as soon as it has an address.
    Expected: every one of these attempts times out, and an authorized pod reaches the successor.
    """
    names = target.names.mlflow
    sources = evidence.parsed("sources", dict[str, Source])
    timeout_s = evidence.number("attempt_timeout_s")
    denied = [name for name, source in sources.items() if not source.reaches]
    everything = destinations(kube, target.names)
    probe_pods.watchers(
        {"newborn": Source(reaches=[])},
        everything,
        attempt_timeout_s=timeout_s,
        for_s=evidence.number("watch_s"),
    )
    before = kube.ready_pods(names.selector)
    if len(before) < 2:
        evidence.undecided("MLflow has fewer than two ready replicas to spare one")
    probe_pods.place(sources)
    kube.run("delete", "pod", before[0].name, "--wait=false")
    born = waiter.until(
        "there: the address of a new MLflow pod",
        lambda: [p for p in kube.pods(names.selector) if p.uid not in {b.uid for b in before}],
        done=lambda pods: any(p.ip for p in pods),
        timeout="pod ready",
        interval_s=0.2,
    )
    new = next(p for p in born if p.ip)
    successor = Destination("the new pod", "mlflow", new.ip or "", names.port)
    replies: dict[str, list[str]] = {}

    def ask() -> bool:
        answers = probe_pods.attempts({name: [successor] for name in sources}, timeout_s)
        for name, (answer,) in answers.items():
            replies.setdefault(name, []).append(answer.outcome)
        ready = any(p.uid == new.uid and p.ready for p in kube.pods(names.selector))
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
        "authorized-sources-do-not",
        "authorized sources that do not reach the new pod",
        [n for n in sources if n not in denied and replies[n][-1] != "open"],
        "==",
        [],
        door="inside",
    )
    evidence.expect(
        "answers-new-pod-denied",
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
    evidence.expect(
        "rounds-new-denied-pod", "rounds of the new denied pod", len(rounds), ">=", 1, door="inside"
    )
    evidence.expect(
        "answers-new-denied-pod",
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
        lambda: kube.pods(names.selector),
        done=lambda pods: (
            len(pods) >= len(before) and all(p.ready and not p.terminating for p in pods)
        ),
        timeout="pod ready",
    )


def _expect_right(evidence: Evidence, name: str, cells: Sequence[Cell]) -> None:
    if not cells:
        evidence.undecided("there was nothing to connect to")
    evidence.expect(
        "wrong-ways", name, [c.wrong for c in cells if c.wrong], "==", [], door="inside"
    )


def _places(evidence: Evidence, kube: Kube, threshold: str) -> list[Destination]:
    places = evidence.parsed(threshold, dict[str, Place])
    return [destination_of(kube, name, place) for name, place in places.items()]


def _from_servers(
    evidence: Evidence,
    target: Target,
    kube: Kube,
    waiter: Waiter,
    wanted: list[Destination],
    *,
    allowed: bool,
) -> list[Cell]:
    """What every ready MLflow pod sees of destinations, from inside its own container."""
    names = target.names.mlflow
    pods = kube.ready_pods(names.selector)
    if not pods:
        evidence.undecided("no pod of MLflow is ready")
    return [
        Cell(f"pod {pod.name}", destination, allowed, [reply.outcome], [reply.elapsed_s])
        for pod in pods
        for destination, reply in zip(
            wanted,
            attempts_from(
                kube,
                kube.namespace,
                pod.name,
                names.container,
                wanted,
                waiter.seconds("denied connection"),
            ),
            strict=True,
        )
    ]
