# SPDX-License-Identifier: Apache-2.0
"""A registered model, loaded where nothing of it was before."""

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow_conformance.doors.fresh_client import predicted
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.ledger.reconciliation import folder_of
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique

if TYPE_CHECKING:
    from mlflow import MlflowClient

_LIST = "MLmodel"


@check(
    "REG-4",
    impact="Serving predicts something else than training did.",
    remedy="Compare the model's objects in the bucket with the run's, and the environment of the "
    "process that loads it with the model's requirements.",
    writes=("mlflow",),
)
def test_model_predicts_identically(
    evidence: Evidence,
    mlflow_client: "MlflowClient",
    client_environment: dict[str, str],
    sql_witness: Sql | None,
    bucket_witness: Bucket | None,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
    tmp_path: Path,
) -> None:
    """A registered scikit-learn model, loaded in a fresh process, predicts identically.

    Steps:
        1. Fit a model, log and register it through the front door, and save it on this machine: the
           bucket, where the profile names it, holds the same files, with the same content.
        2. A new Python process loads `models:/name/1` and predicts.
        3. Its predictions are those of the model that was fitted, bit for bit.
    """
    import mlflow
    from sklearn.linear_model import LinearRegression

    name = belongings.model(unique("regression"))
    points = [[float(n), float(n * n % 7)] for n in range(50)]
    model = LinearRegression().fit(points, [3 * a - 2 * b + 0.1 for a, b in points])
    run_id = mlflow_client.create_run(experiment).info.run_id
    form: dict[str, Any] = {
        "pip_requirements": ["scikit-learn"], "serialization_format": "cloudpickle"
    }  # fmt: skip
    with mlflow.start_run(run_id=run_id):
        logged = mlflow.sklearn.log_model(
            model, name="model", registered_model_name=name, **form
        ).model_id
    mlflow.sklearn.save_model(model, str(tmp_path / "saved"), **form)
    if bucket_witness:
        location = mlflow_client.get_logged_model(logged).artifact_location
        _expect_same_files(evidence, bucket_witness, location, tmp_path)
    if sql_witness:
        evidence.expect(
            "sql.version", "version in SQL: its state and the run that it came from",
            sql_witness.rows("SELECT status, run_id FROM model_versions WHERE name = %s", name),
            "==", [["READY", run_id]], door="sql",
        )  # fmt: skip
    asked = [[0.5, 0.25], [100.0, -3.0], [0.0, 0.0]]
    evidence.expect(
        "predictions", "predictions",
        predicted(f"models:/{name}/1", asked, client_environment),
        "==", model.predict(asked).tolist(), door="front",
    )  # fmt: skip


def _expect_same_files(evidence: Evidence, bucket: Bucket, location: str, folder: Path) -> None:
    """Hold the files of a model in the bucket against those of the same model, saved in a folder.

    Of `MLmodel`, which names its model and the time, what it says of the other files is compared.
    """
    saved = {p.relative_to(folder / "saved").as_posix(): p.read_bytes()
             for p in (folder / "saved").rglob("*") if p.is_file()}  # fmt: skip
    root = folder_of(location, bucket.name, bucket.prefix)
    if root is None:
        evidence.undecided(f"the model lies outside the bucket: {location}")
    keys = [o.key for o in bucket.objects(f"{root}/".removeprefix(bucket.prefix))]
    evidence.expect(
        "files.stored", "files of the model in the bucket",
        sorted(k.removeprefix(f"{root}/") for k in keys), "==", sorted(saved), door="s3",
    )  # fmt: skip
    stored = bucket.digests([f"{root}/{name}" for name in saved])
    differing = [
        name for name, content in saved.items()
        if name != _LIST and (found := stored[f"{root}/{name}"]) is not None
        and found.sha256 != sha256(content).hexdigest()
    ]  # fmt: skip
    listed = bucket.content(f"{root}/{_LIST}")
    if listed is not None and _said(listed, folder) != _said(saved[_LIST], folder):
        differing.append(_LIST)
    evidence.expect(
        "files.differing", "files of the model that differ from those saved", differing, "==", [],
        door="s3",
    )  # fmt: skip


def _said(content: bytes, folder: Path) -> list[Any]:
    """What an `MLmodel` says of a model's files: flavors with their paths, and the size."""
    from mlflow.models import Model

    file = folder / _LIST
    file.write_bytes(content)
    model = Model.load(str(file))
    return [model.flavors, model.model_size_bytes]
