# SPDX-License-Identifier: Apache-2.0
"""Artifacts: what is logged is the object in the bucket, and nothing in it is an orphan."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import quote

from mlflow_conformance.artifacts.thresholds import ArtifactBytes, Reconciled
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.ledger.reconciliation import is_served, reconcile, stored_artifacts
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.target.base import Target

if TYPE_CHECKING:
    from mlflow import MlflowClient

_NAMES = (
    "plain.txt", "with space.txt", "größe ☃ 名前.txt", "plus+and&.txt",
    "deep/er/and/deeper/leaf.bin", "UPPER.TXT", "upper.txt", ".hidden", "e\u0301-decomposed.txt",
)  # fmt: skip
_UPLOADERS = 4
_WRITERS = 8
_PATIENCE_S = 300


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _log(client: "MlflowClient", run_id: str, folder: Path, names: Iterable[str]) -> None:
    """Log files folder by folder, as people do, several folders at once."""
    folders = sorted({str(Path(name).parent) for name in names})

    def log(name: str) -> None:
        # A folder is logged with those below it: only the deepest ones, and loose files, are left.
        files = [p for p in (folder / name).iterdir() if p.is_file()]
        parent = None if name == "." else name
        if any(other.startswith(f"{name}/") for other in folders):
            for file in files:
                client.log_artifact(run_id, str(file), parent)
        else:
            client.log_artifacts(run_id, str(folder / name), parent)

    with ThreadPoolExecutor(_UPLOADERS) as pool:
        list(pool.map(log, folders))


@check(
    "ART-1",
    impact="Models and data that people stored come back altered, or not at all.",
    remedy="Compare the keys that differ with the server's log; look for a proxy with a body limit "
    "and for another --artifacts-destination on one of the replicas.",
    writes=("mlflow",),
)
def test_artifact_is_the_object(
    evidence: Evidence,
    mlflow_client: "MlflowClient",
    front: MlflowApi,
    replicas: list[MlflowApi],
    bucket: Bucket,
    experiment: str,
    rng: Random,
    tmp_path: Path,
) -> None:
    """An artifact logged through MLflow is the object in the bucket, byte for byte.

    Steps:
        1. Through the front door, with MLflow's client: files of each size in the profile, awkward
           names, and many small files.
        2. List and read the bucket with an account that MLflow does not use: exactly those keys,
           at the promised prefix, with the sha256 of what was logged.
        3. Download again: everything but the small files through the front door, the awkward
           names through each replica.
    """
    row = evidence.row(ArtifactBytes)
    run_id = mlflow_client.create_run(experiment).info.run_id
    contents = {f"size/{n}": rng.randbytes(n) for n in row.sizes}
    contents |= {f"names/{name}": name.encode() * 3 for name in _NAMES}
    contents |= {f"many/{n % 10}/{n}.bin": n.to_bytes(4, "big") for n in range(row.small_files)}
    digests = {
        n: sha256(_write(tmp_path, n, c).read_bytes()).hexdigest() for n, c in contents.items()
    }
    _log(mlflow_client, run_id, tmp_path, contents)

    root = f"{experiment}/{run_id}/artifacts"
    found = bucket.objects(f"{experiment}/")
    names = {o.key.removeprefix(f"{bucket.prefix}{root}/") for o in found}
    evidence.expect(
        "objects.missing", "objects missing", sorted(set(contents) - names), "==", [], door="s3"
    )
    evidence.expect(
        "objects.extra", "objects too many", sorted(names - set(contents)), "==", [], door="s3"
    )
    stored = bucket.digests([f"{bucket.prefix}{root}/{name}" for name in contents])
    evidence.note("objects compared", len(stored), door="s3")
    evidence.expect(
        "objects.differing", "objects that differ from what was logged",
        [
            name
            for name, digest in digests.items()
            if (o := stored[f"{bucket.prefix}{root}/{name}"]) is None
            or (o.sha256, o.size) != (digest, len(contents[name]))
        ],
        "==", [], door="s3",
    )  # fmt: skip
    few = [name for name in contents if not name.startswith("many/")]
    evidence.expect(
        "downloads.front", "downloads through the front door that differ",
        _differing(front, root, few, digests), "==", [], door="front",
    )  # fmt: skip
    awkward = [name for name in few if name.startswith("names/")]
    for number, replica in enumerate(replicas, 1):
        evidence.expect(
            "downloads.replica", f"replica {number}: downloads that differ",
            _differing(replica, root, awkward, digests), "==", [], door="inside",
        )  # fmt: skip
    _observe_percent_sign(evidence, mlflow_client, bucket, experiment, tmp_path)


def _observe_percent_sign(
    evidence: Evidence, client: "MlflowClient", bucket: Bucket, experiment: str, folder: Path
) -> None:
    """A name with a percent sign, by itself: MLflow 3.17 decodes it once too often."""
    run_id = client.create_run(experiment).info.run_id
    client.log_artifact(run_id, str(_write(folder, "rate%41.txt", b"percent")))
    root = f"{bucket.prefix}{experiment}/{run_id}/artifacts/"
    names = [o.key.removeprefix(root) for o in bucket.objects(f"{experiment}/{run_id}/")]
    evidence.expect(
        "percent-sign.object",
        "object of rate%41.txt",
        names,
        "in",
        [["rate%41.txt"], ["rateA.txt"]],
        door="s3",
    )
    if names == ["rateA.txt"]:
        evidence.limit(
            "MLflow decodes the name of an artifact once too often: rate%41.txt is stored as "
            "rateA.txt, so two artifacts whose names differ can overwrite each other."
        )


def _differing(
    api: MlflowApi, root: str, names: Iterable[str], digests: dict[str, str]
) -> list[str]:
    wrong = []
    for name in names:
        reply = api.request("GET", f"{ARTIFACTS}/{root}/{quote(name)}")
        if reply.status != 200 or sha256(reply.body).hexdigest() != digests[name]:
            wrong.append(f"{name}: HTTP {reply.status}, {len(reply.body)} By")
    return wrong


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
    "restore the bucket, or delete the orphans.",
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
        4. Every active experiment, the one that MLflow made itself and this check's own among them,
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
    weights = _write(tmp_path, "weights.bin", b"weights")
    mlflow_client.log_model_artifact(model.model_id, str(weights))
    mlflow_client.finalize_logged_model(model.model_id, "READY")
    registered = belongings.model(unique("model"))
    mlflow_client.create_registered_model(registered)
    mlflow_client.create_model_version(
        registered, f"models:/{model.model_id}", model_id=model.model_id
    )

    before = stored_artifacts(sql)
    keys = [o.key for o in bucket.objects()]
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
