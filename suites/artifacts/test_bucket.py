# SPDX-License-Identifier: Apache-2.0
"""What protects the buckets themselves: encryption, and that nobody gets in without a name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mlflow_conformance.artifacts.roles import keys_of
from mlflow_conformance.artifacts.thresholds import Encryption, Roles
from mlflow_conformance.config.backup_names import BackupNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.inside import InsideSender
from mlflow_conformance.doors.mlflow import MlflowApi, new_run, store
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.run.fixtures.belongings import Unique
from mlflow_conformance.target.base import Target

_TIMEOUT_S = 30


@check(
    "ART-3",
    impact="Who gets at the disks or the backups of the object store reads models and data.",
    remedy="Set the bucket's default encryption to aws:kms with the promised key.",
    writes=("mlflow",),
)
def test_objects_are_encrypted(
    evidence: Evidence, front: MlflowApi, bucket: Bucket, experiment: str
) -> None:
    """Every artifact is encrypted with the promised method and key.

    Steps:
        1. Store artifacts through MLflow, a small one and one that takes several parts.
        2. Ask the bucket how each is encrypted, and with which key.
    """
    row = evidence.row(Encryption)
    run_id = new_run(front, experiment).run_id
    root = f"{experiment}/{run_id}/artifacts"
    for name, size in (("small.bin", 10), ("parts.bin", row.large_bytes)):
        store(front, f"{root}/{name}", b"x" * size)
        head = bucket.head(f"{bucket.prefix}{root}/{name}") or {}
        evidence.expect(
            "encryption.method", f"{name}: encryption", head.get("encryption"),
            "==", row.encryption, door="s3",
        )  # fmt: skip
        evidence.expect(
            "encryption.key", f"{name}: key", str(head.get("key_id")),
            "matches", row.key_id, door="s3",
        )  # fmt: skip


@check(
    "ART-4",
    impact="Anyone on the network reads models, data and backups without a password.",
    remedy="Remove the bucket policy or ACL that lets anonymous callers in.",
    writes=("mlflow", "bucket"),
)
def test_no_bucket_is_public(
    evidence: Evidence,
    target: Target,
    front: MlflowApi,
    bucket: Bucket,
    experiment: str,
    conformance_run: Run,
    unique: Unique,
) -> None:
    """Nobody reads, lists or writes a bucket without credentials, nor writes as the auditor.

    Steps:
        1. Store an artifact, and beside the backups, as their own role, a probe: the auditor sees
           both.
        2. From the runner, without credentials, in each bucket: GET the object, list the bucket and
           the object's folder, PUT another one, DELETE the object. Each is 403.
        3. With the auditor's read-only credentials: PUT and DELETE are refused.
        4. The object is still there and nothing was added.
    """
    run_id = new_run(front, experiment).run_id
    relative = f"{experiment}/{run_id}/artifacts"
    store(front, f"{relative}/secret.txt", b"secret")
    send = InsideSender(target.inside, bucket.door.get("ca_file"))
    buckets = send("GET", bucket.door["endpoint"], headers={}, body=None, timeout_s=_TIMEOUT_S)
    # S3 itself sends a stranger who asks for its buckets to a page about S3.
    shown = buckets.status not in (403, 307)
    evidence.note("anonymous GET buckets", buckets.status, door="inside")
    evidence.expect(
        "anonymous.buckets", "buckets are shown to a stranger", shown, "==", False, door="inside"
    )
    _expect_closed(evidence, send, bucket, f"{bucket.prefix}{relative}", "secret.txt")
    backup = target.names.backup
    if target.kube is None or backup is None:
        return  # there is no other bucket that anybody named
    backups = replace(bucket, door={**bucket.door, "bucket": backup.bucket})
    folder = unique("probe")
    with _probe(target, conformance_run, backups, backup, folder):
        _expect_closed(evidence, send, backups, f"{backup.prefix}{folder}", "probe.txt")


@contextmanager
def _probe(
    target: Target, run: Run, backups: Bucket, names: BackupNames, folder: str
) -> Iterator[None]:
    """An object beside the backups, stored by their own role, and removed with what came of it."""
    roles = run.row("ART-4.roles", Roles).roles.values()
    role = next((r for r in roles if r.bucket == backups.name), None)
    if role is None:
        raise Undecided(f"the row ART-4.roles has no role whose own bucket is {backups.name}")
    door = {**backups.door, **keys_of(role, target.need_kube(), target.inside, backups)}
    keys = [f"{names.prefix}{folder}/{name}" for name in ("probe.txt", "planted.txt")]
    try:
        refused = target.inside.call("s3_put", door=door, key=keys[0])
        if refused:
            raise Undecided(f"the role of the backups cannot store in {backups.name}: {refused}")
        yield
    finally:
        for key in keys:
            target.inside.call("s3_delete", door=door, key=key)


def _expect_closed(
    evidence: Evidence, send: InsideSender, bucket: Bucket, folder: str, name: str
) -> None:
    """Hold a bucket with an object in a folder against what strangers and the auditor may do."""
    key, planted = f"{folder}/{name}", f"{folder}/planted.txt"
    evidence.expect(
        "auditor.reads", f"{bucket.name}: the object, as the auditor sees it",
        bucket.head(key) is not None, "==", True, door="s3",
    )  # fmt: skip
    base = f"{bucket.door['endpoint'].rstrip('/')}/{bucket.name}"
    attempts = {
        "GET object": ("GET", f"{base}/{key}", None),
        "GET list": ("GET", f"{base}?list-type=2", None),
        "GET list of its folder": ("GET", f"{base}?list-type=2&prefix={folder}/", None),
        "PUT object": ("PUT", f"{base}/{planted}", b"planted"),
        "DELETE object": ("DELETE", f"{base}/{key}", None),
    }
    for what, (method, url, body) in attempts.items():
        reply = send(method, url, headers={}, body=body, timeout_s=_TIMEOUT_S)
        evidence.expect(
            "anonymous.status", f"{bucket.name}: anonymous {what}", reply.status, "==", 403,
            door="inside",
        )  # fmt: skip
    evidence.expect(
        "auditor.writes", f"{bucket.name}: auditor's PUT and DELETE",
        [bucket.inside.call(f"s3_{verb}", door=dict(bucket.door), key=at)
         for verb, at in (("put", planted), ("delete", key))],
        "==", ["AccessDenied", "AccessDenied"], door="s3",
    )  # fmt: skip
    left = replace(bucket, prefix="").objects(f"{folder}/")
    evidence.expect(
        "objects.after", f"{bucket.name}: objects afterwards", [o.key for o in left], "==", [key],
        door="s3",
    )  # fmt: skip
