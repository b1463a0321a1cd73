# SPDX-License-Identifier: Apache-2.0
"""What protects the buckets themselves: encryption, and that nobody gets in without a name."""

import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

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
_CLOSED = [401, 403]
_FOLDERS, _OF_EACH = 40, 30
_ASKED_FOR = 60
_FIRST_BYTE = {"Range": "bytes=0-0"}


@check(
    "ART-3",
    impact="Who gets at the disks or the backups of the object store reads models and data.",
    remedy="Set the bucket's default encryption to aws:kms with the promised key.",
    writes=("mlflow",),
)
def test_objects_are_encrypted(
    evidence: Evidence,
    target: Target,
    front: MlflowApi,
    bucket: Bucket,
    conformance_run: Run,
    experiment: str,
) -> None:
    """Every artifact is encrypted with the promised method and key.

    Steps:
        1. Store artifacts through MLflow, a small one and one that takes several parts.
        2. Ask the bucket how each is encrypted, and with which key.
        3. Where the profile names MLflow's own role, store by it in the bucket itself, without a
           word of encryption and asking for another one: refused, or encrypted as promised.
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
    if target.kube is None or (door := _as_its_owner(target, conformance_run, bucket)) is None:
        return
    other = "AES256" if row.encryption != "AES256" else "aws:kms"
    for name, asked in (("silent.bin", None), ("another.bin", other)):
        key = f"{bucket.prefix}{root}/{name}"
        refused = target.inside.call("s3_put", door=door, key=key, encryption=asked)
        head = bucket.head(key) or {}
        evidence.expect(
            "put.encryption", f"put by MLflow's role, asking for {asked or 'none'}: encryption",
            "refused" if refused else str(head.get("encryption")),
            "in", ["refused", row.encryption], door="s3",
        )  # fmt: skip


def _as_its_owner(target: Target, run: Run, bucket: Bucket) -> dict[str, Any] | None:
    """A door to a bucket by the role whose own it is; None where the profile names none.

    Raises:
        Undecided: the role's keys cannot be had.
    """
    named = "ART-4.roles" in run.loaded.profile.checks
    roles = run.row("ART-4.roles", Roles).roles.values() if named else ()
    role = next((r for r in roles if r.bucket == bucket.name), None)
    if role is None:
        return None
    return {**bucket.door, **keys_of(role, target.need_kube(), target.inside, bucket)}


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
    rng: random.Random,
) -> None:
    """Nobody reads, lists or writes a bucket without credentials, nor writes as the auditor.

    Steps:
        1. Store an artifact, another one of another run, and beside the backups, as their own role,
           a probe: the auditor sees them.
        2. From the runner, without credentials, in each bucket: GET the object, list the bucket and
           the object's folder, PUT another one, DELETE the object. Each is 403, or 401 where a
           gateway answers. So is a GET of what others keep there: of one object for each ending
           of a name and each folder, in folders from all over the bucket.
        3. With the auditor's read-only credentials: PUT and DELETE are refused.
        4. The object is still there and nothing was added.
    """
    run_id = new_run(front, experiment).run_id
    relative = f"{experiment}/{run_id}/artifacts"
    store(front, f"{relative}/secret.txt", b"secret")
    other = f"{experiment}/{new_run(front, experiment).run_id}/artifacts/model.pkl"
    store(front, other, b"model")
    send = InsideSender(target.inside, bucket.door.get("ca_file"))
    buckets = send("GET", bucket.door["endpoint"], headers={}, body=None, timeout_s=_TIMEOUT_S)
    # S3 itself sends a stranger who asks for its buckets to a page about S3; Ceph shows him a list
    # of none.
    shown = buckets.status == 200 and re.search("<Buckets */>|<Buckets></", buckets.text) is None
    evidence.note("anonymous GET buckets", buckets.status, door="inside")
    evidence.expect(
        "anonymous.buckets", "buckets are shown to a stranger", shown, "==", False, door="inside"
    )
    letter = rng.choice("0123456789abcdef")
    others = [*bucket.spread(_FOLDERS, _OF_EACH, letter).keys, f"{bucket.prefix}{other}"]
    _expect_closed(evidence, send, bucket, f"{bucket.prefix}{relative}", "secret.txt", others)
    backup = target.names.backup
    if target.kube is None or backup is None:
        return  # there is no other bucket that anybody named
    backups = replace(bucket, door={**bucket.door, "bucket": backup.bucket})
    folder = unique("probe")
    with _probe(target, conformance_run, backups, backup, folder):
        others = [*backups.spread(_FOLDERS, _OF_EACH, letter).keys]
        _expect_closed(evidence, send, backups, f"{backup.prefix}{folder}", "probe.txt", others)


@contextmanager
def _probe(
    target: Target, run: Run, backups: Bucket, names: BackupNames, folder: str
) -> Iterator[None]:
    """An object beside the backups, stored by their own role, and removed with what came of it."""
    door = _as_its_owner(target, run, backups)
    if door is None:
        raise Undecided(f"the row ART-4.roles has no role whose own bucket is {backups.name}")
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
    evidence: Evidence,
    send: InsideSender,
    bucket: Bucket,
    folder: str,
    name: str,
    others: Sequence[str],
) -> None:
    """Hold a bucket with an object in a folder against what strangers and the auditor may do.

    Args:
        others: keys of objects of others, from all over the bucket.
    """
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
            "anonymous.status", f"{bucket.name}: anonymous {what}", reply.status, "in", _CLOSED,
            door="inside",
        )  # fmt: skip
    kept = _of_each_kind(others)
    evidence.note(
        f"{bucket.name}: objects of others that were listed, and asked for",
        [len(others), len(kept)], door="inside",
    )  # fmt: skip
    given = {}
    for each in kept:
        url = f"{base}/{quote(each)}"
        # One byte is enough, should it be given.
        reply = send("GET", url, headers=_FIRST_BYTE, body=None, timeout_s=_TIMEOUT_S)
        if reply.status not in _CLOSED:
            given[each] = reply.status
    evidence.expect(
        "anonymous.others", f"{bucket.name}: objects of others that a stranger is given", given,
        "==", {}, door="inside",
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


def _of_each_kind(keys: Sequence[str]) -> list[str]:
    """The keys of one object of each ending, and of each folder: policies name either."""
    endings = {key.rpartition("/")[2].partition(".")[2]: key for key in keys}
    folders = {key.rpartition("/")[0]: key for key in keys}
    return list(dict.fromkeys([*endings.values(), *folders.values()]))[:_ASKED_FOR]
