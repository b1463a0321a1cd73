# SPDX-License-Identifier: Apache-2.0
"""What the database names is in the bucket, and nothing in the bucket is an orphan."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow_conformance.artifacts.thresholds import Reconciled
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi
from mlflow_conformance.doors.s3 import Bucket, StoredObject
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.ledger.reconciliation import is_served, reconcile, stored_artifacts
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.target.base import Target

if TYPE_CHECKING:
    from mlflow import MlflowClient

_WRITERS = 8
_PATIENCE_S = 300
_FOLDERS = 15


def _put(target: Target, replicas: list[MlflowApi], keys: list[str]) -> dict[str, int]:
    """Store small artifacts from the runner; the keys that were refused, and their status."""
    requests = [
        Request.to(replicas[n % len(replicas)], "PUT", f"{ARTIFACTS}/{key}", body=key.encode())
        for n, key in enumerate(keys)
    ]
    outcomes = send_many(target.inside, requests, concurrency=_WRITERS, patience_s=_PATIENCE_S)
    return {key: o.status for key, o in zip(keys, outcomes, strict=True) if o.status != 200}


@check(
    "ART-7",
    impact="The database names models that do not exist, or the bucket fills with objects that "
    "belong to nothing.",
    remedy="The attached report lists each URI without object and each object without owner; "
    "restore the bucket, or delete the orphans. An experiment keeps the location that it was made "
    "with: where the server does not serve it, make another experiment.",
    writes=("mlflow",),
)
def test_reconciliation(
    evidence: Evidence,
    target: Target,
    replicas: list[MlflowApi],
    mlflow_client: "MlflowClient",
    sql: Sql,
    bucket: Bucket,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
    tmp_path: Path,
) -> None:
    """Every artifact that PostgreSQL names has its object, and every object has its owner.

    Steps:
        1. Store as many artifacts as the profile says in several runs, spread over the replicas,
           and log a model with a registered version.
        2. Read all artifact URIs by SQL, list the whole bucket, and read the URIs once more: an
           object that came in between has an owner in the second reading.
        3. Every logged artifact is there; each ready model and each model version has objects;
           each object lies below the URI of a run, a model or a trace.
        4. No rule of the bucket is going to delete an object: one of each of its folders is asked
           for, and the greatest of all.
        5. Every active experiment, the one that MLflow made itself and this check's own among them,
           has a location that the server serves.
    """
    runs = [mlflow_client.create_run(experiment).info.run_id for _ in range(4)]
    row = evidence.row(Reconciled)
    names = [f"{n % 7}/{n}.txt" for n in range(row.artifacts // len(runs))]
    own = [f"{experiment}/{run_id}/artifacts/{name}" for run_id in runs for name in names]
    refused = _put(target, replicas, own)
    evidence.expect(
        "uploads.refused", "artifacts that were refused", refused, "==", {}, door="inside"
    )
    model = mlflow_client.create_logged_model(experiment, name="reconciled")
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"weights")
    mlflow_client.log_model_artifact(model.model_id, str(weights))
    mlflow_client.finalize_logged_model(model.model_id, "READY")
    registered = belongings.model(unique("model"))
    mlflow_client.create_registered_model(registered)
    mlflow_client.create_model_version(
        registered, f"models:/{model.model_id}", model_id=model.model_id
    )

    before = stored_artifacts(sql)
    objects = bucket.objects()
    keys = [o.key for o in objects]
    after = stored_artifacts(sql)
    result = reconcile(before, after, keys, bucket=bucket.name, prefix=bucket.prefix)
    evidence.note("objects in the bucket", len(keys), door="s3")
    evidence.note("artifact URIs", {k: len(v) for k, v in before.by_kind().items()}, door="sql")
    evidence.attach(
        "reconciliation", json.dumps(result.report(), indent=1), "application/json", ".json"
    )
    evidence.note("objects with an owner", result.owned, door="s3")
    there = set(keys)
    evidence.expect(
        "artifacts.missing", "logged artifacts without object",
        [name for name in own if bucket.prefix + name not in there],
        "==", [], door="s3",
    )  # fmt: skip
    evidence.expect(
        "uris.without-object", "URIs without object", list(result.empty), "==", [], door="sql"
    )
    evidence.expect(
        "uris.elsewhere",
        "URIs outside the bucket",
        list(result.elsewhere),
        "==",
        [],
        door="sql",
    )
    evidence.expect(
        "objects.orphaned", "objects without owner", list(result.orphans), "==", [], door="s3"
    )
    expiring = {
        k: said for k in _of_each_folder(objects, bucket.prefix) if (said := _expiry(bucket, k))
    }
    evidence.expect(
        "objects.expiring", "objects that a rule of the bucket is going to delete", expiring,
        "==", {}, door="s3",
    )  # fmt: skip
    locations = dict(
        sql.rows(
            "SELECT experiment_id::text, artifact_location FROM experiments "
            "WHERE lifecycle_stage = 'active'"
        )
    )
    evidence.note("locations of active experiments", len(locations), door="sql")
    evidence.expect(
        "locations.elsewhere", "active experiments whose location the server does not serve",
        {number: location for number, location in locations.items()
         if not is_served(location or "", row.location_scheme)},
        "==", {}, door="sql",
    )  # fmt: skip


def _of_each_folder(objects: Sequence[StoredObject], prefix: str) -> Sequence[str]:
    """The key of one object of each folder at the top, of the newest experiments, and the greatest.

    Rules of a bucket are for keys that begin alike, or for sizes.
    """
    first = {o.key.removeprefix(prefix).partition("/")[0]: o.key for o in objects}
    greatest = sorted(objects, key=lambda o: o.size)[-1:]
    return [
        *(first[name] for name in sorted(first, key=_number)[-_FOLDERS:]),
        *(o.key for o in greatest),
    ]


def _number(folder: str) -> tuple[int, str]:
    return int(folder) if folder.isdecimal() else 0, folder


def _expiry(bucket: Bucket, key: str) -> str | None:
    """When a rule of the bucket deletes an object, as S3 tells it; None when none does."""
    found = bucket.head(key)
    return found["expires"] if found else None
