# SPDX-License-Identifier: Apache-2.0
"""NET: what MLflow's own pods reach."""

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.network_policy.elsewhere import elsewhere
from mlflow_conformance.network_policy.judging import expect_promised, expect_right, need_all_read
from mlflow_conformance.network_policy.matrix import Source
from mlflow_conformance.network_policy.pods import Probes
from mlflow_conformance.network_policy.promises import egress_beyond, egress_promised
from mlflow_conformance.network_policy.servers import cells_from_servers
from mlflow_conformance.network_policy.services import destination_of, destinations
from mlflow_conformance.network_policy.thresholds import Egress
from mlflow_conformance.network_policy.unread import unread_policies
from mlflow_conformance.target.base import Target


@check(
    "NET-3",
    impact="Code that runs in MLflow, such as a malicious model, reaches the cluster's API, other "
    "tenants or the internet.",
    remedy="Let MLflow's policies list DNS, PostgreSQL and object storage as egress, no more; "
    "stores outside of the cluster are named under `addresses`.",
    writes=("cluster",),
)
@pytest.mark.usefixtures("enforced_policies")
def test_egress_of_mlflow(
    evidence: Evidence, target: Target, kube: Kube, probe_pods: Probes, waiter: Waiter
) -> None:
    """MLflow's pods reach DNS, PostgreSQL and the bucket, and nothing else.

    Preconditions: NET-0; what is to be denied is open from a pod that no policy restricts; no
    policy is of a kind that this suite cannot read.
    Steps: connect from MLflow's own containers to what the profile lists, to pods of every other
    namespace and to every node; read what the policies, Cilium's too, let MLflow's pods reach, and
    the Jobs that back its database up, migrate and restore it.
    Expected: the stores and DNS are open, everything else times out, and no policy admits more.
    """
    row = evidence.row(Egress)
    stores = [d for d in destinations(kube, target.names) if d.service in ("postgresql", "s3")]
    allowed = [*stores, *(destination_of(kube, name, port) for name, port in row.allowed.items())]
    denied = [destination_of(kube, name, port) for name, port in row.denied.items()]
    control = "unrestricted"
    probe_pods.ensure({control: Source(reaches=[])})
    timeout_s = waiter.seconds("denied connection")
    promised = egress_promised(kube, target.names, row.allowed, row.addresses.values())
    others = elsewhere(kube, target.names, promised)
    tried = [*denied, *others]
    answers = probe_pods.attempts({control: tried}, timeout_s)[control]
    closed = [d for d, a in zip(tried, answers, strict=True) if a.outcome != "open"]
    if listed := [d.name for d in closed if d in denied]:
        evidence.undecided(f"not even an unrestricted pod reaches {', '.join(listed)}")
    denied += [d for d in others if d not in closed]
    names = target.names.mlflow
    cells = cells_from_servers(kube, names, allowed, denied, timeout_s)
    evidence.note("cells", {f"{c.source} to {c.destination.name}": str(c) for c in cells})
    expect_right(evidence, "wrong cells", cells)
    expect_promised(evidence, egress_beyond(kube, target.names, promised))
    need_all_read(evidence, unread_policies(kube, "Egress"))
