# SPDX-License-Identifier: Apache-2.0
"""NET: who reaches MLflow, PostgreSQL and the bucket, and who does not."""

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.network_policy.exposure import exposures
from mlflow_conformance.network_policy.judging import (
    expect_closed,
    expect_promised,
    expect_right,
    need_all_read,
)
from mlflow_conformance.network_policy.pods import Probes
from mlflow_conformance.network_policy.promises import ingress_beyond
from mlflow_conformance.network_policy.servers import cells_from_servers
from mlflow_conformance.network_policy.services import destinations
from mlflow_conformance.network_policy.survey import survey
from mlflow_conformance.network_policy.thresholds import Sources, WaysIn
from mlflow_conformance.network_policy.unread import unread_policies
from mlflow_conformance.target.base import Target


@check(
    "NET-1",
    impact="Workloads that nobody authorized reach the tracking server or its stores, "
    "or authorized ones are locked out.",
    remedy="Compare the policies of the namespace with the sources in the profile, and keep "
    "MLflow's Service of type ClusterIP, without external addresses.",
    writes=("cluster",),
)
@pytest.mark.usefixtures("enforced_policies")
def test_matrix_of_sources(
    evidence: Evidence, target: Target, kube: Kube, probe_pods: Probes, waiter: Waiter
) -> None:
    """Only authorized sources reach MLflow, PostgreSQL and the bucket; no other way leads in.

    Preconditions: NET-0; every service has a ready pod; no policy or route is of a kind that
    this suite cannot read.
    Steps: from a pod of every source of the profile, connect to every Service and every pod; read
    what the policies, Cilium's too, admit to MLflow, and which objects lead to it from
    outside of the cluster.
    Expected: what the profile allows answers, everything else times out; no policy admits to MLflow
    what the profile's sources do not say, and no way from outside is of another kind than listed.
    """
    row = evidence.row(WaysIn)
    sources = row.sources
    matrix = survey(probe_pods, sources, destinations(kube, target.names), waiter)
    cells = matrix.cells
    evidence.note("matrix", matrix.table(), door="inside")
    evidence.note("attempts until allowed paths were open", matrix.rounds)
    evidence.note("cells tried", len(cells), door="inside")
    expect_right(evidence, "wrong cells", cells)
    expect_promised(evidence, ingress_beyond(kube, target.names, sources, ["mlflow"]))
    exposed = exposures(kube, target.names, ["mlflow"], row.outside)
    expect_closed(evidence, exposed.known)
    need_all_read(evidence, [*unread_policies(kube, "Ingress"), *exposed.unread])


@check(
    "NET-2",
    impact="The database or the bucket can be read and written past MLflow and its access rules.",
    remedy="Admit MLflow's and the backup's pods alone, and keep the Services of type ClusterIP.",
    writes=("cluster",),
)
@pytest.mark.usefixtures("enforced_policies")
def test_stores_admit_mlflow_and_the_backup_alone(
    evidence: Evidence, target: Target, kube: Kube, probe_pods: Probes, waiter: Waiter
) -> None:
    """PostgreSQL and the bucket admit MLflow and the backup alone; nothing outside leads to them.

    Preconditions: NET-0; every service has a ready pod; no policy or route is of a kind that
    this suite cannot read.
    Steps: connect to both stores from MLflow's own pods and from a pod of every source; read
    policies, Services with their endpoints, Ingresses and routes of every namespace, and pods.
    Expected: MLflow and the sources that the profile allows are answered, others time out; no
    policy admits more; no NodePort, LoadBalancer, Ingress, route or host port leads to a store.
    """
    stores = [d for d in destinations(kube, target.names) if d.service in ("postgresql", "s3")]
    if not stores:
        evidence.undecided("neither store runs in the cluster")
    sources = evidence.row(Sources).sources
    matrix = survey(probe_pods, sources, stores, waiter)
    timeout_s = waiter.seconds("denied connection")
    own = cells_from_servers(kube, target.names.mlflow, stores, [], timeout_s)
    cells = [*matrix.cells, *own]
    evidence.note("cells", {f"{c.source} to {c.destination.name}": str(c) for c in cells})
    expect_right(evidence, "wrong cells", cells)
    expect_promised(
        evidence,
        ingress_beyond(kube, target.names, sources, ["postgresql", "postgresql-metrics", "s3"]),
    )
    exposed = exposures(kube, target.names, ["postgresql", "s3"])
    expect_closed(evidence, exposed.known)
    need_all_read(evidence, [*unread_policies(kube, "Ingress"), *exposed.unread])
