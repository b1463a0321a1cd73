# SPDX-License-Identifier: Apache-2.0
"""DIS-10: pods that start before what they need is there."""

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.disruption.starting import started_without_database
from mlflow_conformance.disruption.thresholds import StartWithout
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target


@check(
    "DIS-10",
    impact="Requests go to pods that cannot answer yet, or the outage of a database outlives it.",
    remedy="Let a pod wait for its database in an init container, ask a tracking call in its "
    "readiness probe, and give its startup probe more time than the server's own attempts take.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_start_without_the_database(evidence: Evidence, target: Target, waiter: Waiter) -> None:
    """A pod that starts while its database is away gets no requests, and serves once it is back.

    Preconditions: PostgreSQL is in the namespace, and what makes its pods can be scaled.
    Steps: let PostgreSQL have no pod, and delete one of MLflow; watch for a while what comes in its
    place; let PostgreSQL come back.
    Expected: no new pod is called ready meanwhile, and the Service leads to none; as many replicas
    as before answer in time, counted from the moment when PostgreSQL is ready again.
    """
    row = evidence.row(StartWithout)
    seen = started_without_database(target, row.hold_s, waiter)
    evidence.note("pods that began without a database", sorted(seen.begun), door="kubernetes")
    evidence.expect(
        "ready", "of them those that were called ready", sorted(seen.ready), "==", [],
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "listed", "of them those that the Service led to", sorted(seen.listed), "==", [],
        door="kubernetes",
    )  # fmt: skip
    evidence.note("answers at last", seen.answers, door="inside")
    evidence.expect(
        "back", "time until all replicas answered after PostgreSQL was ready", seen.back_s, "<=",
        row.back_s, unit="s", door="inside",
    )  # fmt: skip
