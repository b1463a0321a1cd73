# SPDX-License-Identifier: Apache-2.0
"""UPG-1: the upgrade by the deployment's own way, while every kind of client goes on.

One upgrade serves all checks of this file. What is restarted in the middle is drawn from the run's
seed, and the plan is in the evidence.
"""

from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.upgrade import judging
from mlflow_conformance.upgrade.clients import RUNS_AND_MODELS, SEARCHED, SENT
from mlflow_conformance.upgrade.thresholds import (
    MigrationBounds,
    RequestBounds,
    SchemaReadiness,
    TraceBounds,
    TracesUnderUpgrade,
    UpgradeUnderLoad,
    in_manner,
)
from mlflow_conformance.upgrade.upgraded import Upgraded


@check(
    "UPG-1",
    impact="Requests of runs, models or artifacts fail, or writes are lost.",
    remedy="See which kind of request failed with which status, and upgrade with `--way "
    "scale-to-none` in a window when nothing else goes.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_upgrade_under_load(evidence: Evidence, upgraded: Upgraded) -> None:
    """The upgrade fails no request of runs, models and artifacts, and loses no write.

    Preconditions: the version before is deployed, and every kind of request is acknowledged.
    Steps: upgrade by the deployment's own way, in the manner that was asked for; restart pods at
    the planned moments; read everything back.
    Expected: every pod is a ready one of the new version; no more requests of a kind failed than
    promised; every acknowledged write is there.
    """
    row = evidence.row(UpgradeUnderLoad)
    bounds: RequestBounds = in_manner(row, upgraded.manner)
    judging.note_course(evidence, upgraded)
    judging.expect_kept(evidence, upgraded.runs_kept)
    judging.expect_upgraded(evidence, upgraded)
    judging.expect_requests(evidence, upgraded, RUNS_AND_MODELS, bounds, row.others_cpu)
    judging.require_before(evidence, upgraded, RUNS_AND_MODELS, row.before)
    judging.expect_load(evidence, upgraded, bounds, row.requests, row.others_cpu)


@check(
    "UPG-1.traces",
    impact="Traces sent meanwhile are refused, or never found again.",
    remedy="Upgrade with trace exporters held (`--way hold-traces`), or after every old pod has "
    "ended (`--way scale-to-none`).",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_traces_during_the_upgrade(evidence: Evidence, upgraded: Upgraded) -> None:
    """Traces that are sent during the upgrade are taken, and found on the new version.

    Preconditions: as for UPG-1; traces are sent by OTLP and as MLflow's client begins them.
    Steps: those of UPG-1; then search for every acknowledged trace by name and session, and open
    those that were sent by OTLP.
    Expected: no more requests of a kind failed than promised, searches for traces among them;
    every acknowledged trace is found and opens.
    """
    row = evidence.row(TracesUnderUpgrade)
    judging.note_course(evidence, upgraded)
    judging.expect_kept(evidence, upgraded.traces_kept)
    bounds: TraceBounds = in_manner(row, upgraded.manner)
    judging.expect_requests(evidence, upgraded, SENT, bounds.sent, row.others_cpu)
    judging.expect_requests(evidence, upgraded, SEARCHED, bounds.searched, row.others_cpu)
    judging.require_mixed(evidence, upgraded, row.mixed)


@check(
    "UPG-1.ready",
    impact="Requests are sent to pods that cannot answer them.",
    remedy="Let a pod wait for exactly its own schema before it starts, and ask a tracking call "
    "in its readiness probe.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_readiness_and_schema(evidence: Evidence, upgraded: Upgraded) -> None:
    """No pod is called ready on a schema that is not its own.

    Preconditions: as for UPG-1.
    Steps: those of UPG-1; look at the readiness of every pod and the schema's revision several
    times a second meanwhile.
    Expected: a pod that becomes ready has the schema that its image needs; a pod of before that
    was ready all the while is none that became so.
    """
    row = evidence.row(SchemaReadiness)
    judging.expect_never_called_ready(evidence, upgraded, row.looks)


@check(
    "UPG-1.migration",
    impact="Pods that serve change the schema, or clients wait and give up.",
    remedy="Migrate by a Job that pods wait for; in a window of its own where the longest wait is "
    "longer than clients are patient.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_migration_under_load(evidence: Evidence, upgraded: Upgraded) -> None:
    """The schema is changed once, by no pod that serves, and nobody waits for long.

    Preconditions: as for UPG-1.
    Steps: those of UPG-1; look at PostgreSQL's locks several times a second meanwhile.
    Expected: no pod of the server held a table as one does who changes it, and all who did came
    from one place; the longest wait that was seen is within its bound.
    """
    row = evidence.row(MigrationBounds)
    judging.expect_migrated_beside(evidence, upgraded, row)
