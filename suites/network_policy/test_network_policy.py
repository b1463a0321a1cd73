# SPDX-License-Identifier: Apache-2.0
"""NET: who reaches MLflow, PostgreSQL and the bucket, and who does not."""

import pytest

from mlflow_conformance.clients.kube import Kube
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.probes.canary import Canary
from mlflow_conformance.probes.matrix import Source
from mlflow_conformance.probes.pods import Probes
from mlflow_conformance.probes.services import destinations
from mlflow_conformance.probes.survey import survey
from mlflow_conformance.target.base import Target
from mlflow_conformance.waits import Waiter


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
    evidence.expect("path under a denying policy", canary.denied, "==", "timeout", door="inside")
    if canary.after is not None:
        evidence.expect("path after it was lifted", canary.after, "==", "open", door="inside")
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
        "cells tried", len(cells), "==", len(sources) * len(matrix.destinations), door="inside"
    )
    evidence.expect("wrong cells", [c.wrong for c in cells if c.wrong], "==", [], door="inside")
