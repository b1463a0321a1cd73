# SPDX-License-Identifier: Apache-2.0
"""Paths that lead out of the artifacts."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote, unquote

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.mlflow import ARTIFACTS, ApiError, MlflowApi, answer, new_run
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.registry.versions import register_versions
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique

_PLAIN = "plain.txt"
_WRITTEN = b"conformance"
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
    writes=("mlflow",),
)
def test_path_traversal(
    evidence: Evidence,
    front: MlflowApi,
    replicas: list[MlflowApi],
    bucket_witness: Bucket | None,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """Paths that climb out of the artifacts are refused, whatever their spelling.

    Preconditions: MLflow serves artifacts itself.
    Steps:
        1. Write a plain path; through the front door and at a replica it is served by every way
           there is to read one: of the store, of a run and of a model's version.
        2. By the same ways read and list paths with `..`, absolute, encoded once and twice, with
           backslashes and with a scheme; write them to the store.
        3. No request succeeds in a write or shows a file of the server; the bucket, where the
           profile names it, has no key that came of it. A backslash separates nothing on most
           servers: what MLflow lists by the very name that was sent has climbed nowhere.
    """
    run = new_run(front, experiment)
    root = f"{experiment}/{run.run_id}/artifacts"
    put = front.request("PUT", f"{ARTIFACTS}/{root}/1/{_PLAIN}", body=_PLAIN.encode())
    if put.status == 503:
        said = brief(put.text)
        evidence.undecided(f"MLflow takes no artifacts itself, so that no path leads out: {said}")
    if put.status != 200:
        raise ApiError("PUT of an artifact", put)
    model = belongings.model(unique("model"))
    register_versions(front, model, run, 1)
    by_version = f"/model-versions/get-artifact?name={model}&version=1&path="
    by_run = f"run_id={run.run_id}&path="
    before = _keys(bucket_witness)
    seen = _Seen()
    sent = 0
    for door, api in (("front", front), ("replica 1", replicas[0])):
        plain = {
            f"{ARTIFACTS}/{root}/1/{_PLAIN}": _PLAIN,
            f"{ARTIFACTS}?path={root}/1": f'"{_PLAIN}"',
            f"/get-artifact?{by_run}1/{_PLAIN}": _PLAIN,
            f"/api/2.0/mlflow/artifacts/list?{by_run}1": f'"1/{_PLAIN}"',
            f"{by_version}{_PLAIN}": _PLAIN,
        }
        replies = [
            (target, _status(api, "GET", target, None), said) for target, said in plain.items()
        ]
        evidence.expect(
            "plain.served", f"{door}: plain paths that are not served",
            [f"{target}: {told}" for target, outcome, said in replies
             if (told := _told(outcome)) != "HTTP 200" or said not in _text(outcome)],
            "==", [], door="front",
        )  # fmt: skip
        for path in _escapes("../../../../../.."):
            if door == "front" and path.startswith("/"):
                continue  # an ingress makes one slash of two, and then nothing is absolute
            requests = [
                ("GET", f"{ARTIFACTS}/{path}", None),
                ("GET", f"{ARTIFACTS}?path={path}", None),
                ("GET", f"/get-artifact?{by_run}{path}", None),
                ("GET", f"/api/2.0/mlflow/artifacts/list?{by_run}{path}", None),
                ("GET", f"{by_version}{path}", None),
                ("PUT", f"{ARTIFACTS}/{path}", _WRITTEN),
            ]
            sent += len(requests)
            with ThreadPoolExecutor(len(requests)) as pool:
                outcomes = list(pool.map(partial(_status, api), *zip(*requests, strict=True)))
            for (method, target, _), outcome in zip(requests, outcomes, strict=True):
                if isinstance(outcome, Reply):
                    told = f"{door}: {method} {target}: {_told(outcome)}"
                    seen.take(told, method, path, outcome)
    evidence.note("requests", sent)
    plain_names = _plain_names(front, {path for _, path in seen.written})
    evidence.note("backslashes that are a part of a name", sorted(plain_names), door="front")
    evidence.expect(
        "files.shown", "files of the server that were shown", seen.leaks, "==", [], door="front"
    )
    evidence.expect(
        "reads.answered",
        "escaping reads that were answered",
        [
            told
            for told, path, body in seen.served
            if unquote(path) not in plain_names or body != _WRITTEN
        ],
        "==",
        [],
        door="front",
    )
    evidence.expect(
        "writes.answered",
        "escaping writes that were answered with 200",
        [told for told, path in seen.written if unquote(path) not in plain_names],
        "==",
        [],
        door="front",
    )
    for name in plain_names:
        front.request("DELETE", f"{ARTIFACTS}/{quote(name)}")
    if bucket_witness is None:
        return
    new = sorted(k for k in _keys(bucket_witness) - before if "passwd" in k or "environ" in k)
    evidence.expect("objects.made", "objects that came of it", new, "==", [], door="s3")
    for key in new:
        front.request("DELETE", f"{ARTIFACTS}/{quote(key.removeprefix(bucket_witness.prefix))}")


@dataclass
class _Seen:
    """What paths that climb out were answered with.

    Attributes:
        leaks: requests that showed a file of the server.
        served: requests that were answered with something, their path, and what it was.
        written: requests that were acknowledged, and their path.
    """

    leaks: list[str] = field(default_factory=list)
    served: list[tuple[str, str, bytes]] = field(default_factory=list)
    written: list[tuple[str, str]] = field(default_factory=list)

    def take(self, told: str, method: str, path: str, reply: Reply) -> None:
        """Sort a reply in."""
        if any(sign in reply.text for sign in _SECRET_SIGNS):
            self.leaks.append(told)
        if reply.status == 200 and method == "PUT":
            self.written.append((told, path))
        if reply.status == 200 and method == "GET" and not _empty(reply):
            self.served.append((told, path, reply.body))


def _plain_names(front: MlflowApi, paths: set[str]) -> set[str]:
    """Of paths with backslashes, those that are names of files in the root of the artifacts."""
    names = {name for name in map(unquote, paths) if "\\" in name and "/" not in name}
    if not names:
        return set()
    listing = answer("artifacts", front.request("GET", f"{ARTIFACTS}?path="))
    return names & {str(f["path"]) for f in listing.get("files", [])}


def _keys(bucket: Bucket | None) -> set[str]:
    return {o.key for o in bucket.objects()} if bucket else set()


def _status(api: MlflowApi, method: str, target: str, body: bytes | None) -> Reply | NoReply:
    try:
        return api.request(method, target, body=body)
    except NoReply as lost:
        return lost


def _told(outcome: Reply | NoReply) -> str:
    return f"HTTP {outcome.status}" if isinstance(outcome, Reply) else outcome.failure


def _text(outcome: Reply | NoReply) -> str:
    return outcome.text if isinstance(outcome, Reply) else ""


def _empty(reply: Reply) -> bool:
    """A list without files, or the page of the UI: nothing that lies at the path."""
    if "text/html" in reply.headers.get("content-type", reply.headers.get("Content-Type", "")):
        return True
    try:
        body = reply.json()
    except ValueError:
        return not reply.body
    return isinstance(body, dict) and not body.get("files")
