# SPDX-License-Identifier: Apache-2.0
"""One backup under writes and one restore of it, which the checks of this folder share."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING

import pytest

from mlflow_conformance.backup_restore.database import fingerprint
from mlflow_conformance.backup_restore.model import registered
from mlflow_conformance.backup_restore.rehearsal import Rehearsal, Sizes, reconciled, to_plant
from mlflow_conformance.backup_restore.restored import Restored, restored_state
from mlflow_conformance.backup_restore.schedule import ScheduledBackup, started_by_schedule
from mlflow_conformance.backup_restore.workbench import Workbench, workbench
from mlflow_conformance.backup_restore.writers import BackupWriters, seed, write_text
from mlflow_conformance.config.backup_names import RestoreNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, answer, new_run
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.ledger.log import Ledger
from mlflow_conformance.target.backups import jobs
from mlflow_conformance.target.backups.lines import Lines, documented_lines
from mlflow_conformance.target.backups.making import Backup, Restore, Witness, back_up, restore
from mlflow_conformance.target.backups.store import Store, store_of
from mlflow_conformance.target.base import Target

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SETTLED_WRITES = 10


@pytest.fixture(scope="session")
def word() -> str:
    """A part of every name that this session gives."""
    return f"mlc-{datetime.now(UTC):%m%d%H%M%S}-{token_hex(2)}"


@pytest.fixture(scope="session")
def store(target: Target) -> Store:
    """The bucket of backups, read by the auditor."""
    return store_of(target)


@pytest.fixture(scope="session")
def restoring(target: Target) -> RestoreNames:
    """How the profile says that one restores."""
    if target.names.restore is None:
        raise Undecided("the profile does not say how one restores (names.restore)")
    return target.names.restore


@pytest.fixture(scope="session")
def documented(target: Target) -> Iterator[Lines]:
    """The terminal of documented lines; what they changed for a restore is ended afterwards."""
    with documented_lines(target.need_own(), target) as lines:
        yield lines


@pytest.fixture(scope="session")
def bench(target: Target, store: Store, waiter: Waiter) -> Iterator[Workbench]:
    """The pod in which backups are planted and forged."""
    with workbench(target.need_own(), store.names.cronjob, waiter) as pod:
        yield pod


@pytest.fixture(scope="session")
def scheduled(
    target: Target, conformance_run: Run, store: Store, waiter: Waiter
) -> Iterator[ScheduledBackup | None]:
    """A backup that the schedule starts; None where it is not to be moved."""
    if "BKP-1.schedule" not in conformance_run.rows or not target.made_here:
        yield None
        return
    started = started_by_schedule(target, store, waiter)
    yield started
    if started.job:
        jobs.remove(target.need_kube(), [started.job])


@pytest.fixture(scope="session")
def rehearsal(
    target: Target,
    conformance_run: Run,
    waiter: Waiter,
    store: Store,
    bench: Workbench,
    documented: Lines,
    scheduled: ScheduledBackup | None,
    front: MlflowApi,
    mlflow_client: "MlflowClient",
    garbage: list[str],
    word: str,
) -> Iterator[Rehearsal]:
    """Writes before, while and after one backup by the documented line; planted old backups.

    A backup that the schedule started goes on beside the first writes, and is over before old
    backups are planted: its retention must not count them.
    """
    sizes = Sizes.of(conformance_run)
    kube, sql = target.need_kube(), target.need_sql()
    made = answer("experiments/create", front.post("experiments/create", name=word))
    experiment: str = made["experiment_id"]
    folder = conformance_run.folder.path / "attachments"
    folder.mkdir(parents=True, exist_ok=True)
    job = f"{word}-backup"
    with ExitStack() as belongings:
        if not target.made_here:
            belongings.callback(garbage.append, experiment)
        belongings.callback(front.post, "experiments/delete", experiment_id=experiment)
        belongings.callback(front.delete, "registered-models/delete", name=word)
        belongings.callback(jobs.remove, kube, [job])
        model = registered(mlflow_client, experiment, word)
        artifacts = reconciled(sql, target.need_bucket())
        kept = new_run(front, experiment, "kept").run_id
        write_text(front, experiment, sizes.text_bytes)
        # Not synced: the ledger has to outlive this process, not this machine.
        with Ledger(folder / "BKP-ledger.jsonl", sync=False) as ledger:
            seed(target, ledger, experiment, sizes.runs)
            if scheduled:
                scheduled.settle()
            planted = to_plant(store, sizes.rule)
            belongings.callback(bench.forget, list(planted))
            bench.plant(planted)
            good = store.good()
            with BackupWriters(front, ledger, experiment, sizes.writers).going() as writers:
                writers.more(_SETTLED_WRITES, waiter)
                before = fingerprint(sql)
                backup: Backup = back_up(kube, documented, store, job, waiter)
                after = fingerprint(sql)
                writers.more(_SETTLED_WRITES, waiter)
        gone = new_run(front, experiment, "gone").run_id
        cronjob = kube.get("cronjob", store.names.cronjob)["spec"]
        yield Rehearsal(
            experiment=experiment,
            ledger=ledger.path,
            model=model,
            witness=Witness(kept, gone),
            backup=backup,
            around=(before, after),
            schedule=cronjob["schedule"],
            time_zone=cronjob.get("timeZone"),
            good=good,
            planted=planted,
            artifacts=artifacts,
        )


@pytest.fixture(scope="session")
def restored(
    target: Target,
    waiter: Waiter,
    restoring: RestoreNames,
    documented: Lines,
    front: MlflowApi,
    rehearsal: Rehearsal,
    word: str,
) -> Restored:
    """The rehearsal's backup, restored over the live data by the documented line."""
    if rehearsal.backup.name is None:
        raise Undecided(f"there is no backup to restore: {rehearsal.backup.outcome}")
    done: Restore = restore(
        target.need_kube(), documented, restoring,
        backup=rehearsal.backup.name, token=f"{word}-restore", witness=rehearsal.witness,
        front=front, waiter=waiter,
    )  # fmt: skip
    return restored_state(target.need_sql(), rehearsal, done)
