# SPDX-License-Identifier: Apache-2.0
"""UPG-2: back to the version before, after new writes on the one after."""

import time

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.upgrade import UpgradeWay
from mlflow_conformance.target.backups.lines import Lines
from mlflow_conformance.target.backups.making import Witness, restore
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.revisions import needed
from mlflow_conformance.upgrade import judging_back
from mlflow_conformance.upgrade.thresholds import WayBack
from mlflow_conformance.upgrade.way_back import (
    BackedUp,
    missing,
    rolled_back,
    serving_images,
    written,
)


@check(
    "UPG-2",
    impact="There is no way back, or it loses more than anybody knows.",
    remedy="Make a backup right before the upgrade, and practise its restore with the version "
    "before; let pods of it refuse a newer schema with a sentence that says so.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_way_back(
    evidence: Evidence,
    target: Target,
    way: UpgradeWay,
    server_images: tuple[str, str],
    backed_up: BackedUp,
    deployed_after: None,
    documented: Lines,
    front: MlflowApi,
    sql: Sql,
    waiter: Waiter,
) -> None:
    """The rollback works with all data, or it is refused and the restore path leads back.

    Preconditions: a backup was made before the upgrade, with writes before and after it; the
    version after it is deployed.
    Steps: write on the new version; roll back by the deployment's own way, and ask MLflow
    meanwhile. If it is refused, restore the backup into the version before by the documented line.
    Expected: either pods of the version before serve, on their own schema, all that was written; or
    the newer ones go on serving, what refuses says how one gets back, and after that line the
    version before serves all that was in the backup. What is lost by it is told in numbers.
    """
    row = evidence.row(WayBack)
    kube, names = target.need_kube(), target.names
    image_a, image_b = server_images
    on_b = written(front, backed_up.experiment_id, row.writes)
    evidence.note("written before the upgrade, and backed up", len(backed_up.runs), door="front")
    evidence.note("written since the backup", len(backed_up.after) + len(on_b), door="front")
    began = time.time()
    done = rolled_back(kube, way.back, image_a, front, waiter.seconds("rolled back"))
    evidence.note("the rollback took", round(done.seconds, 1), unit="s", door="kubernetes")
    serving = serving_images(kube, names.mlflow)
    if not done.refused:
        pod = kube.ready_pods(names.mlflow.selector, container=names.mlflow.container)[0]
        judging_back.expect_works(
            evidence, serving, image_a, sql.one("SELECT version_num FROM alembic_version"),
            needed(kube, pod.name, names.mlflow.container),
            missing(front, backed_up.runs) + missing(front, [*backed_up.after])
            + missing(front, on_b),
        )  # fmt: skip
        return
    judging_back.expect_refused(evidence, done, serving, image_b, row.refused_says.pattern)
    if not backed_up.backup:
        evidence.undecided(f"no backup was made before the upgrade: {backed_up.outcome}")
    if names.restore is None:
        evidence.undecided("the profile does not say how one restores (names.restore)")
    line = names.restore.earlier or names.restore.command
    typed = time.monotonic()
    restored = restore(
        kube, Lines(documented.terminal, {**documented.words, "revision": way.a.options()}),
        names.restore.model_copy(update={"command": line}), backup=backed_up.backup,
        token=f"way-back-{round(began)}", witness=Witness(backed_up.runs[0], on_b[0]),
        front=front, waiter=waiter,
    )  # fmt: skip
    judging_back.expect_restored(evidence, restored)
    waiter.until(
        "serving: the version before alone",
        lambda: serving_images(kube, names.mlflow),
        done=lambda seen: seen == [image_a],
        timeout="restore finished",
    )
    judging_back.expect_back(evidence, time.monotonic() - typed, row.rto_s)
    judging_back.expect_backup_there(evidence, front, backed_up, on_b, began)
