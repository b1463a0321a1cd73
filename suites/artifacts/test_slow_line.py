# SPDX-License-Identifier: Apache-2.0
"""A client on a slow line."""

from hashlib import sha256

from mlflow_conformance.artifacts.slow_line import SlowLine
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.upload import content
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings


@check(
    "ART-5.slow",
    impact="Whoever has a large model or a slow line can never store it, nor get it.",
    remedy="Raise the time that the proxy in front of MLflow gives a whole request "
    "(respondingTimeouts.readTimeout of Traefik's entry point is 60 s by default).",
    writes=("mlflow",),
)
def test_a_slow_line_is_waited_for(
    evidence: Evidence, bucket: Bucket, slow_line: SlowLine | None, belongings: Belongings
) -> None:
    """An upload and a download that take longer than a minute come through whole.

    Steps:
        1. With the first check of artifacts: through the front door store an artifact, then, at the
           same time and spread over as long as the profile says, send another one and read the
           first one.
        2. Now: the upload is acknowledged and is in the bucket byte for byte; the download was
           answered and came whole.
    """
    if slow_line is None:
        evidence.undecided("nothing was sent: this target has no front door")
    if (experiment := slow_line.take()) is not None:
        belongings.experiment(experiment)
    seen = slow_line.outcome()
    evidence.note("upload: how long it took", round(seen.upload_s, 1), unit="s", door="front")
    evidence.expect("upload.status", "slow upload", seen.status, "==", 200, door="front")
    came = seen.downloaded
    evidence.note("download: how long it took", round(seen.download_s, 1), unit="s", door="front")
    evidence.note("download: bytes that came", came.length, door="front")
    evidence.expect("download.status", "slow download", came.status, "==", 200, door="front")
    evidence.expect(
        "download.sha256", "sha256 of the slow download", came.sha256,
        "==", sha256(seen.offered).hexdigest(), door="front",
    )  # fmt: skip
    key = bucket.prefix + seen.upload.seed
    stored = bucket.digests([key])[key]
    evidence.expect(
        "upload.sha256", "sha256 of the slow upload in the bucket",
        stored.sha256 if stored else None, "==",
        sha256(content(seen.upload.seed, seen.upload.length)).hexdigest(), door="s3",
    )  # fmt: skip
