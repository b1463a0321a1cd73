# SPDX-License-Identifier: Apache-2.0
"""What a run of this suite leaves behind: nothing, and all that was there before."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.doors.inventory import Inventory
from mlflow_conformance.doors.mlflow import MlflowApi, answer, new_run, store
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.target.base import Target
from mlflow_conformance.tracking.garbage import collect
from mlflow_conformance.tracking.thresholds import Cleanup, KnownTable

if TYPE_CHECKING:
    from mlflow import MlflowClient

_MODELS = "/api/2.0/mlflow/logged-models"


@dataclass(frozen=True)
class Bystander:
    """Deleted things of somebody else, which `mlflow gc` also removes if it is let.

    Attributes:
        before: everything before they were made, and `after`.
    """

    before: Inventory
    after: Inventory

    @property
    def things(self) -> list[str]:
        """What was made."""
        return self.before.appeared(self.after)


@pytest.fixture
def bystander(
    front: MlflowApi, sql: Sql, bucket: Bucket, unique: Unique, belongings: Belongings
) -> Bystander:
    """A deleted run with an artifact, and a deleted model, that are not this check's to remove."""
    before = Inventory.taken(sql, bucket)
    made = answer("experiments/create", front.post("experiments/create", name=unique("bystander")))
    experiment = belongings.experiment(made["experiment_id"])
    run_id = new_run(front, experiment).run_id
    store(front, f"{experiment}/{run_id}/artifacts/kept.txt", b"kept")
    answer("runs/delete", front.post("runs/delete", run_id=run_id))
    logged = front.post("logged-models", experiment_id=experiment, name="kept")
    model = answer("logged-models", logged)["model"]["info"]["model_id"]
    answer("logged-models", front.request("DELETE", f"{_MODELS}/{model}"))
    return Bystander(before, Inventory.taken(sql, bucket))


@check(
    "TRK-10",
    impact="Every run of this suite makes the database and the bucket of its users larger, or "
    "takes something of theirs.",
    remedy="Remove by hand what the lists name, by `mlflow gc` with a list of runs and of models: "
    "without one it removes what anybody deleted.",
    writes=("mlflow", "cluster"),
)
def test_nothing_is_left_and_nothing_else_is_gone(
    evidence: Evidence,
    target: Target,
    kube: Kube,
    conformance_run: Run,
    mlflow_client: "MlflowClient",
    front: MlflowApi,
    sql: Sql,
    bucket: Bucket,
    inventory: Inventory | None,
    garbage: list[str],
    bystander: Bystander,
    unique: Unique,
    tmp_path: Path,
) -> None:
    """All that this run made is removed for good, and nothing that it did not make.

    Steps:
        1. Make one of everything, besides what earlier checks of this run made: an experiment, a
           run with a dataset, a trace, a logged and a registered model, a webhook, artifacts.
        2. Remove it through MLflow's API, then, with all that this run made, by `mlflow gc`. A
           deleted run with an artifact and a deleted model stand by, and must stay.
        3. Nothing bears this run's name any longer. Where nobody else uses the deployment, every
           table and the whole bucket are as they were before the first check.
    """
    row = evidence.row(Cleanup)
    if inventory is None:
        evidence.undecided("nobody counted what there was before the run")
    owned = _one_of_everything(mlflow_client, front, unique, tmp_path)
    evidence.expect(
        "removals-refused",
        "removals that were refused",
        owned.remove(front),
        "==",
        [],
        door="front",
    )
    garbage.extend(owned.experiments)
    experiments = [*garbage]
    evidence.note("experiments to be removed", len(experiments), door="front")
    try:
        collect(garbage, front, kube, target.names.mlflow, conformance_run.label)
        outcome = "done"
    except KubeFailed as problem:
        outcome = str(problem)
    evidence.expect("gc", "mlflow gc", outcome, "==", "done", door="kubernetes")

    now = Inventory.taken(sql, bucket)
    there = set(inventory.appeared(now))
    evidence.expect(
        "bystander-gone", "of somebody else, and gone",
        [t for t in bystander.things if t not in there], "==", [],
        door="sql",
    )  # fmt: skip
    named = _named(sql, conformance_run.label)
    stands = [name for name in named if "bystander" not in name]
    evidence.expect("sql.names", "still there by this run's name", stands, "==", [], door="sql")
    folders = tuple(f"{bucket.prefix}{number}/" for number in experiments)
    evidence.expect(
        "s3.objects", "objects of this run's experiments",
        sorted(key for key in now.objects if key.startswith(folders)), "==", [], door="s3",
    )  # fmt: skip
    if row.alone:
        _expect_as_before(evidence, inventory, now, bystander, row.stays)


def _expect_as_before(
    evidence: Evidence,
    inventory: Inventory,
    now: Inventory,
    bystander: Bystander,
    known: list[KnownTable],
) -> None:
    """Nobody else wrote meanwhile, so every difference is this run's doing."""
    evidence.note("rows of all tables", sum(now.rows.values()), door="sql")
    evidence.note("objects in the bucket", len(now.objects), door="s3")
    made = set(bystander.things)
    evidence.expect(
        "added", "there, and not before this run",
        [thing for thing in inventory.appeared(now) if thing not in made], "==", [], door="sql",
    )  # fmt: skip
    evidence.expect("gone", "gone, and there before", inventory.vanished(now), "==", [], door="sql")
    added = bystander.before.changed_rows(bystander.after)
    changed = {}
    for table, (before, later) in inventory.changed_rows(now).items():
        first, second = added.get(table, [0, 0])
        if later - before != second - first:
            changed[table] = [before, later - (second - first)]
    for stays in known:
        if stays.table in changed:
            before, later = changed.pop(stays.table)
            evidence.note(f"rows that stay in {stays.table}", later - before, door="sql")
            evidence.limit(f"{later - before} rows of {stays.table} stay: {stays.because}")
    evidence.expect(
        "sql.row-counts",
        "tables with another number of rows",
        changed,
        "==",
        {},
        door="sql",
    )


def _named(sql: Sql, label: str) -> list[str]:
    """Experiments, models and webhooks whose name begins with a label."""
    found = sql.rows(
        "SELECT 'experiment', name FROM experiments WHERE starts_with(name, %s) UNION ALL "
        "SELECT 'model', name FROM registered_models WHERE starts_with(name, %s) UNION ALL "
        "SELECT 'webhook', name FROM webhooks "
        "WHERE starts_with(name, %s) AND deleted_timestamp IS NULL",
        label, label, label,
    )  # fmt: skip
    return sorted(f"{kind} {name}" for kind, name in found)


def _one_of_everything(
    client: "MlflowClient", front: MlflowApi, unique: Unique, folder: Path
) -> Belongings:
    """One of everything that checks make; not registered anywhere else."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    owned = Belongings()
    experiment = owned.experiment(client.create_experiment(unique("everything")))
    run_id = client.create_run(experiment, tags={"a": "b"}).info.run_id
    client.log_param(run_id, "depth", "3")
    client.log_metric(run_id, "loss", 0.5, step=1)
    dataset = Dataset("iris", "d1g35t", "local", "{}", "{}", "{}")
    context = InputTag("mlflow.data.context", "training")
    client.log_inputs(run_id, [DatasetInput(dataset, [context])])
    file = folder / "note.txt"
    file.write_text("to be removed")
    client.log_artifact(run_id, str(file), "deep/er")
    trace = client.start_trace("traced", inputs={"x": 1}, experiment_id=experiment)
    client.end_trace(trace.trace_id, outputs={"y": 2})
    model = client.create_logged_model(experiment, name="logged", params={"a": "1"})
    client.log_model_artifact(model.model_id, str(file))
    client.finalize_logged_model(model.model_id, "READY")
    name = owned.model(unique("model"))
    client.create_registered_model(name, tags={"team": "a"})
    client.create_model_version(name, f"models:/{model.model_id}", model_id=model.model_id)
    client.set_registered_model_alias(name, "champion", "1")
    hook = front.post(
        "webhooks", name=unique("hook"), url="https://192.0.2.1/",
        events=[{"entity": "REGISTERED_MODEL", "action": "CREATED"}], status="DISABLED",
    )  # fmt: skip
    if hook.status == 200:  # a server that takes public addresses alone takes none of tests
        owned.webhook(answer("webhooks", hook)["webhook"]["webhook_id"])
    return owned
