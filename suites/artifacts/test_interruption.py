# SPDX-License-Identifier: Apache-2.0
"""Uploads that end before they are whole: the client goes away, or the pod that serves them."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlsplit

from mlflow_conformance.artifacts.thresholds import CutUploads, KilledPod
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi, answer, new_run
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.upload import Upload, content
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target

_LOOK_S = 0.5


@dataclass(frozen=True)
class _Sender:
    """A door through which uploads are sent, from this machine or from the runner."""

    target: Target
    base_url: str
    from_here: bool

    def status(self, upload: Upload) -> int | None:
        """See `Upload.send`."""
        if self.from_here:
            return upload.send()
        seen = self.target.inside.call(
            "upload", patience_s=2 * upload.timeout_s + upload.seconds, **asdict(upload)
        )
        return cast(int | None, seen)

    def upload(self, key: str, length: int) -> Upload:
        """A whole upload of an artifact."""
        front = self.target.need_front()
        return Upload(
            url=f"{self.base_url}{ARTIFACTS}/{key}",
            headers=dict(front.headers if self.from_here else self.target.inside_headers),
            seed=key, length=length, sent=length,
            ca_file=front.ca_file if self.from_here else None,
            client_file=front.client_file if self.from_here else None,
        )  # fmt: skip


def _root(front: MlflowApi, experiment: str) -> tuple[str, str]:
    """A new run and where its artifacts are."""
    run_id = new_run(front, experiment).run_id
    return run_id, f"{experiment}/{run_id}/artifacts"


def _digest(upload: Upload) -> str:
    return sha256(content(upload.seed, upload.length)).hexdigest()


@check(
    "ART-5",
    impact="Half a model is served as if it were the whole one.",
    remedy="Let no proxy in front of MLflow complete what a client left unfinished, and store "
    "artifacts where an object appears whole or not at all.",
    writes=("mlflow",),
)
def test_client_that_goes_away(
    evidence: Evidence,
    target: Target,
    front: MlflowApi,
    replicas: list[MlflowApi],
    bucket: Bucket,
    waiter: Waiter,
    experiment: str,
) -> None:
    """An upload whose client goes away in the middle leaves nothing, and what was there as it was.

    Steps:
        1. Through the front door and at a replica, send a whole upload: it is acknowledged.
        2. Begin others and go away: after half of the body, after all but its last byte, ending
           the connection and breaking it off, with and without an announced length; and half of
           another content under the name of the whole one.
        3. For as long as the profile says, the bucket, MLflow's listing and a download hold the
           whole upload alone, byte for byte.
    """
    row = evidence.row(CutUploads)
    run_id, root = _root(front, experiment)
    length = row.bytes
    whole: dict[str, Upload] = {}
    for door, sender in (
        ("front", _Sender(target, target.need_front().url, from_here=True)),
        ("replica", _Sender(target, replicas[0].base_url, from_here=False)),
    ):
        first = sender.upload(f"{root}/{door}/whole.bin", length)
        whole[first.seed] = first
        stored = sender.status(first)
        if not evidence.expect(
            "upload.whole", f"{door}: whole upload", stored, "==", 200, door="front"
        ):
            return
        cut = {
            name: sender.upload(f"{root}/{door}/{name}.bin", length)
            for name in ("half", "all-but-one", "broken-off", "no-length")
        }
        for upload in (
            replace(cut["half"], sent=length // 2, ending="close"),
            replace(cut["all-but-one"], sent=length - 1, ending="close"),
            replace(cut["broken-off"], sent=length // 2, ending="reset"),
            replace(cut["no-length"], sent=length // 2, ending="close", chunked=True),
            replace(first, seed="another content", sent=length // 2, ending="close"),
        ):
            sender.status(upload)
    expected = sorted(bucket.prefix + key for key in whole)
    looks = round(row.watch_s / _LOOK_S)
    seen: set[str] = set(expected)
    waiter.until(
        "watched for what may still appear",
        lambda: seen.update(o.key for o in bucket.objects(root)),
        done=lambda _: True, successes=looks, interval_s=_LOOK_S, timeout="upload settled",
    )  # fmt: skip
    evidence.expect(
        "objects.appeared",
        "objects that appeared",
        sorted(seen - set(expected)),
        "==",
        [],
        door="s3",
    )
    stored_digests = bucket.digests(expected)
    evidence.expect(
        "whole.stored", "sha256 of the whole uploads",
        {k: d.sha256 if (d := stored_digests[bucket.prefix + k]) else None for k in whole},
        "==", {k: _digest(u) for k, u in whole.items()}, door="s3",
    )  # fmt: skip
    for door in ("front", "replica"):
        listed = answer(
            "artifacts/list", replicas[-1].get("artifacts/list", run_id=run_id, path=door)
        )
        evidence.expect(
            "listing.files", f"{door}: files that MLflow lists",
            [f["path"] for f in listed.get("files", [])], "==", [f"{door}/whole.bin"],
            door="inside",
        )  # fmt: skip
        reply = front.request("GET", f"{ARTIFACTS}/{root}/{door}/half.bin")
        evidence.expect(
            "half.download",
            f"{door}: download of a half",
            reply.status,
            "in",
            [404, 500],
            door="front",
        )
        if reply.status == 500 and door == "front":
            evidence.limit("MLflow answers 500, not 404, to the download of what does not exist.")
        reply = front.request("GET", f"{ARTIFACTS}/{root}/{door}/whole.bin")
        evidence.expect(
            "whole.download", f"{door}: sha256 of the download", sha256(reply.body).hexdigest(),
            "==", _digest(whole[f"{root}/{door}/whole.bin"]), door="front",
        )  # fmt: skip


@check(
    "ART-5.pod",
    impact="A crash of the server leaves half a model, or loses one that it had acknowledged.",
    remedy="Acknowledge an upload only when the object store has, and store artifacts where an "
    "object appears whole or not at all.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_pod_that_is_killed(
    evidence: Evidence,
    target: Target,
    kube: Kube,
    front: MlflowApi,
    two_replicas: list[MlflowApi],
    bucket: Bucket,
    waiter: Waiter,
    experiment: str,
) -> None:
    """When the pod that takes uploads is killed, what it acknowledged is whole, the rest is absent.

    Steps:
        1. Send uploads of different pace to one replica, from the runner.
        2. When the first is acknowledged, delete its pod with the least grace.
        3. Proof: the pod is gone, and uploads were cut. Then every acknowledged upload is in the
           bucket byte for byte, and every other is there whole or not at all.
    """
    row = evidence.row(KilledPod)
    _, root = _root(front, experiment)
    names = target.names.mlflow
    before = kube.ready_pods(names.selector, container=names.container)
    sender = _Sender(target, two_replicas[0].base_url, from_here=False)
    pod = _serving(before, two_replicas[0])
    uploads = [
        replace(
            sender.upload(f"{root}/{n}.bin", row.bytes),
            seconds=row.longest_s * n / (row.uploads - 1),
        )
        for n in range(row.uploads)
    ]
    with _sending(sender, uploads) as futures:
        waiter.until(
            "acknowledged: the first upload",
            lambda: sum(f.done() for f in futures),
            done=lambda n: n > 0, interval_s=0.1, timeout="upload settled",
        )  # fmt: skip
        kube.delete("pod", pod.name, grace_s=1)
        statuses = [f.result() for f in futures]
    waiter.until(
        "replaced: the pod that was killed",
        lambda: kube.ready_pods(names.selector, container=names.container),
        done=lambda now: len(now) >= len(before) and pod.uid not in {p.uid for p in now},
        timeout="rollout",
    )
    acknowledged = {u.seed for u, s in zip(uploads, statuses, strict=True) if s == 200}
    cut = {u.seed for u, s in zip(uploads, statuses, strict=True) if s is None}
    evidence.note("uploads by answer", {str(s): statuses.count(s) for s in set(statuses)})
    evidence.note("pod that was killed", {"name": pod.name, "uid": pod.uid}, door="kubernetes")
    found = bucket.digests([bucket.prefix + u.seed for u in uploads])
    by_key = {u.seed: (found[bucket.prefix + u.seed], _digest(u)) for u in uploads}
    evidence.expect(
        "uploads.acknowledged", "uploads acknowledged", len(acknowledged), ">=", 1, door="inside"
    )
    evidence.expect(
        "acknowledged.missing", "acknowledged and not there",
        sorted(k for k in acknowledged if by_key[k][0] is None), "==", [], door="s3",
    )  # fmt: skip
    evidence.expect(
        "objects.partial", "there and not whole",
        sorted(k for k, (d, digest) in by_key.items() if d is not None and d.sha256 != digest),
        "==", [], door="s3",
    )  # fmt: skip
    if not cut:
        evidence.undecided("no upload was cut: the pod answered all of them before it died")
    objects = {o.key.removeprefix(bucket.prefix) for o in bucket.objects(root)}
    evidence.expect(
        "objects.unknown",
        "objects that nobody uploaded",
        sorted(objects - set(by_key)),
        "==",
        [],
        door="s3",
    )


def _serving(pods: list[Pod], replica: MlflowApi) -> Pod:
    """The pod that a replica's URL leads to; the first, as `replicas` has them, behind a lie."""
    host = urlsplit(replica.base_url).hostname
    return next((p for p in pods if p.ip == host), pods[0])


@contextmanager
def _sending(sender: _Sender, uploads: list[Upload]) -> Iterator[list["Future[Any]"]]:
    with ThreadPoolExecutor(len(uploads)) as pool:
        yield [pool.submit(sender.status, upload) for upload in uploads]
