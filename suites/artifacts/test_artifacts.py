# SPDX-License-Identifier: Apache-2.0
"""Artifacts: what is logged is the object in the bucket."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import quote

from mlflow_conformance.artifacts.thresholds import ArtifactBytes
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check

if TYPE_CHECKING:
    from mlflow import MlflowClient

_NAMES = (
    "plain.txt", "with space.txt", "größe ☃ 名前.txt", "plus+and&.txt",
    "deep/er/and/deeper/leaf.bin", "UPPER.TXT", "upper.txt", ".hidden", "e\u0301-decomposed.txt",
    "semi;colon=1.txt", "two..dots.txt", "quo'te.txt", "at@equals=.txt", "packed.csv.gz",
)  # fmt: skip
_UPLOADERS = 4


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
        4. Log another content under a name that was read: the bucket, the front door and each
           replica give the new one at once.
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
    _expect_new_content(evidence, mlflow_client, front, replicas, bucket, run_id, root, tmp_path)
    _observe_percent_sign(evidence, mlflow_client, bucket, experiment, tmp_path)


def _expect_new_content(
    evidence: Evidence,
    client: "MlflowClient",
    front: MlflowApi,
    replicas: list[MlflowApi],
    bucket: Bucket,
    run_id: str,
    root: str,
    folder: Path,
) -> None:
    """Log another content under a name whose first one everybody has read: no cache may keep it."""
    name = f"names/{_NAMES[0]}"
    client.log_artifact(run_id, str(_write(folder, name, b"another content")), "names")
    digests = {name: sha256(b"another content").hexdigest()}
    key = f"{bucket.prefix}{root}/{name}"
    stored = bucket.digests([key])[key]
    evidence.expect(
        "again.object", "sha256 of what was logged again", stored.sha256 if stored else None,
        "==", digests[name], door="s3",
    )  # fmt: skip
    evidence.expect(
        "again.front", "logged again, and old or gone at the front door",
        _differing(front, root, digests, digests), "==", [], door="front",
    )  # fmt: skip
    for number, replica in enumerate(replicas, 1):
        evidence.expect(
            "again.replica", f"logged again, and old or gone at replica {number}",
            _differing(replica, root, digests, digests), "==", [], door="inside",
        )  # fmt: skip


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
