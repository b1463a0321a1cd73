# SPDX-License-Identifier: Apache-2.0
"""NET: how a denied connection ends, and how quickly an allowed one is answered."""

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.network_policy.judging import expect_right
from mlflow_conformance.network_policy.matrix import Destination, probed
from mlflow_conformance.network_policy.pods import Probes
from mlflow_conformance.network_policy.services import destinations
from mlflow_conformance.network_policy.survey import survey
from mlflow_conformance.network_policy.thresholds import Answers
from mlflow_conformance.target.base import Target


@check(
    "NET-4",
    impact="Clients wait where they should be told, or a scan finds what a policy should hide.",
    remedy="List ports in every rule of the NetworkPolicies, and look for an overloaded node.",
    writes=("cluster",),
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
    row = evidence.row(Answers)
    sources = probed(row.sources)
    port = row.unlisted_port
    everything = destinations(kube, target.names)
    hidden = [
        Destination(f"{d.name} port {port}", "nobody", d.host, port)
        for d in everything
        if d.name.startswith("pod ")
    ]
    # What is listed is tried along, until every allowed path is open.
    matrix = survey(probe_pods, sources, [*hidden, *everything], waiter)
    unlisted = [c for c in matrix.cells if c.destination in hidden]
    expect_right(evidence, "answers of an unlisted port", unlisted)
    wanted = {
        name: [d for d in everything if d.service in source.reaches]
        for name, source in sources.items()
        if source.reaches
    }
    if not wanted:
        evidence.undecided(
            "no source that is a pod may reach anything, so nothing shows how quickly"
        )
    slow: list[str] = []
    slowest = 0.0
    for _ in range(row.attempts):
        for name, answers in probe_pods.attempts(wanted, row.allowed_within_s).items():
            for destination, answer in zip(wanted[name], answers, strict=True):
                slowest = max(slowest, answer.elapsed_s)
                if answer.outcome != "open" or answer.elapsed_s > row.allowed_within_s:
                    slow.append(f"{name} to {destination.name}: {answer.outcome}")
    evidence.note("slowest answer", slowest, unit="s", door="inside")
    evidence.expect(
        "allowed.late", "answers that came late or never", slow, "==", [], door="inside"
    )
