# SPDX-License-Identifier: Apache-2.0
"""Paths that lead out of the artifacts, and what protects the bucket itself."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import quote

from mlflow_conformance.artifacts.thresholds import Encryption
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.inside import InsideSender
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi, new_run
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target

_SECRET_SIGNS = ("root:x:0:0", "root:*:0:0", "PATH=", "HOSTNAME=")


def _escapes(up: str) -> list[str]:
    """Spellings of a path that leads to /etc/passwd or out of the folder."""
    plain = f"{up}/etc/passwd"
    return [
        plain,
        quote(plain, safe=""),
        quote(quote(plain, safe=""), safe=""),
        plain.replace("..", "%2e%2e"),
        plain.replace("..", ".%2e"),
        plain.replace("/", "%2f"),
        plain.replace("/", "\\"),
        plain.replace("/", "%5c"),
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "file:///etc/passwd",
        "file:%2f%2f%2fetc%2fpasswd",
        f"a/{plain}",
        f"{plain}%00.txt",
        "/proc/self/environ",
        "%2fproc%2fself%2fenviron",
    ]


@check(
    "ART-8",
    impact="Anyone who reaches MLflow reads or overwrites files of the server, or of others.",
    remedy="Upgrade MLflow, and let no proxy in front of it decode paths.",
)
def test_path_traversal(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    bucket: Bucket,
    experiment: str,
) -> None:
    """Paths that climb out of the artifacts are refused, whatever their spelling.

    Steps:
        1. Read, write, list and delete by paths with `..`, absolute, encoded once and twice, with
           backslashes and with a scheme; through the front door and at a replica.
        2. No request succeeds in a write or shows a file of the server; the bucket has no key that
           came of it.
    """
    run_id = new_run(front, experiment).run_id
    before = {o.key for o in bucket.objects()}
    leaks: list[str] = []
    served: list[str] = []
    written: list[str] = []
    sent = 0
    for door, api in (("front", front), ("replica 1", replicas[0])):
        for path in _escapes("../../../../../.."):
            if door == "front" and path.startswith("/"):
                continue  # an ingress makes one slash of two, and then nothing is absolute
            requests = [
                ("GET", f"{ARTIFACTS}/{path}", None),
                ("GET", f"{ARTIFACTS}?path={path}", None),
                ("GET", f"/get-artifact?run_uuid={run_id}&path={path}", None),
                ("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run_id}&path={path}", None),
                ("GET", f"/model-versions/get-artifact?name=none&version=1&path={path}", None),
                ("PUT", f"{ARTIFACTS}/{path}", b"conformance"),
            ]
            sent += len(requests)
            with ThreadPoolExecutor(len(requests)) as pool:
                outcomes = list(pool.map(partial(_status, api), *zip(*requests, strict=True)))
            for (method, target, _), outcome in zip(requests, outcomes, strict=True):
                if not isinstance(outcome, Reply):
                    continue
                told = f"{door}: {method} {target}: HTTP {outcome.status}"
                if any(sign in outcome.text for sign in _SECRET_SIGNS):
                    leaks.append(told)
                if outcome.status == 200 and method == "PUT":
                    written.append(told)
                if outcome.status == 200 and method == "GET" and not _empty(outcome):
                    served.append(told)
    evidence.note("requests", sent)
    evidence.expect(
        "files.shown", "files of the server that were shown", leaks, "==", [], door="front"
    )
    evidence.expect(
        "reads.answered",
        "escaping reads that were answered",
        served,
        "==",
        [],
        door="front",
    )
    after = {o.key for o in bucket.objects()}
    new = sorted(k for k in after - before if "passwd" in k or "environ" in k)
    evidence.expect(
        "writes.answered",
        "escaping writes that were answered with 200",
        written,
        "==",
        [],
        door="front",
    )
    evidence.expect("objects.made", "objects that came of it", new, "==", [], door="s3")
    for key in new:
        front.request("DELETE", f"{ARTIFACTS}/{quote(key.removeprefix(bucket.prefix))}")


def _status(api: MlflowApi, method: str, target: str, body: bytes | None) -> Reply | NoReply:
    try:
        return api.request(method, target, body=body)
    except NoReply as lost:
        return lost


def _empty(reply: Reply) -> bool:
    """A list without files, or the page of the UI: nothing that lies at the path."""
    if "text/html" in reply.headers.get("content-type", reply.headers.get("Content-Type", "")):
        return True
    try:
        body = reply.json()
    except ValueError:
        return not reply.body
    return isinstance(body, dict) and not body.get("files")


@check(
    "ART-3",
    impact="Who gets at the disks or the backups of the object store reads models and data.",
    remedy="Set the bucket's default encryption to aws:kms with the promised key.",
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
        put = front.request("PUT", f"{ARTIFACTS}/{root}/{name}", body=b"x" * size)
        evidence.expect("artifact.stored", f"{name}: stored", put.status, "==", 200, door="front")
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
    impact="Anyone on the network reads models and data without a password.",
    remedy="Remove the bucket policy or ACL that lets anonymous callers in.",
)
def test_bucket_is_not_public(
    evidence: Evidence, target: Target, front: MlflowApi, bucket: Bucket, experiment: str
) -> None:
    """Nobody reads, lists or writes the bucket without credentials, nor writes as the auditor.

    Steps:
        1. Store an artifact; its key exists for the auditor.
        2. From the runner, without credentials: GET it, list the bucket, PUT, DELETE. Each is 403.
        3. With the auditor's read-only credentials: PUT and DELETE are refused.
        4. The artifact is still there and nothing was added.
    """
    run_id = new_run(front, experiment).run_id
    root = f"{bucket.prefix}{experiment}/{run_id}/artifacts"
    relative = root.removeprefix(bucket.prefix)
    put = front.request("PUT", f"{ARTIFACTS}/{relative}/secret.txt", body=b"secret")
    evidence.expect("artifact.stored", "artifact stored", put.status, "==", 200, door="front")
    base = f"{bucket.door['endpoint'].rstrip('/')}/{bucket.name}"
    send = InsideSender(target.inside, bucket.door.get("ca_file"))
    attempts = {
        "GET object": ("GET", f"{base}/{root}/secret.txt", None),
        "GET list": ("GET", f"{base}?list-type=2", None),
        "GET buckets": ("GET", bucket.door["endpoint"], None),
        "PUT object": ("PUT", f"{base}/{root}/planted.txt", b"planted"),
        "DELETE object": ("DELETE", f"{base}/{root}/secret.txt", None),
    }
    for name, (method, url, body) in attempts.items():
        reply = send(method, url, headers={}, body=body, timeout_s=30)
        evidence.expect(
            "anonymous.status", f"anonymous {name}", reply.status, "==", 403, door="inside"
        )
    evidence.expect(
        "auditor.writes", "auditor's PUT and DELETE",
        [target.inside.call(f"s3_{verb}", door=dict(bucket.door), key=f"{root}/{key}")
         for verb, key in (("put", "planted.txt"), ("delete", "secret.txt"))],
        "==", ["AccessDenied", "AccessDenied"], door="s3",
    )  # fmt: skip
    evidence.expect(
        "objects.after", "objects afterwards", [o.key for o in bucket.objects(relative)],
        "==", [f"{root}/secret.txt"], door="s3",
    )  # fmt: skip
