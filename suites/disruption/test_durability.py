# SPDX-License-Identifier: Apache-2.0
"""DIS-4.settings: what keeps acknowledged writes when a node loses power."""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.disruption import durability
from mlflow_conformance.disruption.thresholds import Durability
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target


@check(
    "DIS-4.settings",
    impact="A node that loses power takes acknowledged writes with it, or the whole database.",
    remedy="Take the settings that the check names back to PostgreSQL's defaults, make the "
    "database with checksums, and keep its files on a persistent volume whose claim stays.",
    writes=("runner",),
)
def test_commits_are_on_a_disk(evidence: Evidence, target: Target, kube: Kube, sql: Sql) -> None:
    """PostgreSQL waits for its disk, writes what repairs torn pages, and notices bad ones.

    Preconditions: PostgreSQL answers.
    Steps: read its settings, those that roles and databases have for themselves, and which tables
    are not logged; read the volumes of the pods that keep data.
    Expected: the row's settings, for everybody; every table is logged; every such pod keeps its
    data on a volume that outlives it, and that stays when there are to be fewer pods.
    """
    row = evidence.row(Durability)
    found = durability.settings(sql, row.settings)
    for name, allowed in row.settings.items():
        evidence.expect(
            "settings", f"setting {name}", found.get(name, "not there"), "in", allowed, door="sql"
        )
    evidence.expect(
        "settings.overridden", "roles and databases that have another for themselves",
        durability.overridden(sql, row.settings), "==", [], door="sql",
    )  # fmt: skip
    evidence.expect(
        "unlogged", "tables that a crash empties", durability.unlogged(sql), "==", [], door="sql"
    )
    for part, named in (("PostgreSQL", target.names.postgresql), ("object store", target.names.s3)):
        if named is None or not named.selector:
            evidence.note(f"pods of the {part}", "outside of the cluster")
            continue
        pods = [p for p in kube.pods(named.selector) if p.replica]
        if not pods:
            evidence.undecided(f"{part}: no pod has the labels that the profile names")
        evidence.expect(
            "volumes", f"{part}: pods whose data is on no volume that outlives them",
            durability.without_volume(pods), "==", [], door="kubernetes",
        )  # fmt: skip
        evidence.expect(
            "claims", f"{part}: StatefulSets that delete data with a pod that is scaled away",
            durability.passing_claims(kube, pods), "==", [], door="kubernetes",
        )  # fmt: skip
