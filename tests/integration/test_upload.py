# SPDX-License-Identifier: Apache-2.0
"""A run's folder copied to a real S3, MinIO on this machine."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.report import write_all
from mlflow_conformance.report.bucket import upload
from processes import Minio, free_port, minio, minio_binary, open_folder
from repository import RECORDS


@pytest.fixture(scope="module")
def store() -> Iterator[Minio]:
    """A MinIO with one bucket."""
    binary = minio_binary()
    if binary is None:
        pytest.skip("there is no MinIO on this machine")
    with open_folder() as folder, minio(binary, folder, Waiter(2)) as made:
        yield made


@pytest.fixture
def account(store: Minio, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The environment of somebody who may write there; a client of the store."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", store.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", store.secret_key)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with its reports, and a file below it."""
    folder = tmp_path / "run"
    (folder / "diagnostics").mkdir(parents=True)
    (folder / "diagnostics" / "events.txt").write_text("none\n")
    shutil.copy(RECORDS / "mixed.jsonl", folder / "evidence.jsonl")
    write_all(folder / "evidence.jsonl")
    return folder


def test_every_file_is_there_and_the_verdict_comes_last(
    account: Any, store: Minio, run: Path
) -> None:
    address = upload(run, f"s3://{store.bucket}/nightly/")
    name = recorded(run).run.run_id
    assert address == f"s3://{store.bucket}/nightly/{name}/"
    listed = account.list_objects_v2(Bucket=store.bucket, Prefix="nightly/")["Contents"]
    files = {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}
    assert {each["Key"] for each in listed} == {f"nightly/{name}/{file}" for file in files}
    newest = max(listed, key=lambda each: each["LastModified"])["LastModified"]
    times = {each["Key"].rpartition("/")[2]: each["LastModified"] for each in listed}
    assert times["verdict.json"] == newest
    page = account.head_object(Bucket=store.bucket, Key=f"nightly/{name}/report.html")
    assert page["ContentType"] == "text/html"
    assert upload(run, f"s3://{store.bucket}/nightly") == address


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("address", "variables", "told"),
    [
        ("https://example.org/bucket", {}, "is no bucket"),
        ("s3:///prefix", {}, "is no bucket"),
        ("s3://no-such-bucket", {}, "NoSuchBucket"),
        ("s3://mlflow-artifacts", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ("s3://mlflow-artifacts", {"AWS_ENDPOINT_URL_S3": "closed"}, "Could not connect"),
    ],
)
def test_what_cannot_be_kept_is_one_sentence(
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    variables: dict[str, str],
    told: str,
) -> None:
    for name, value in variables.items():
        closed = f"http://127.0.0.1:{free_port()}"
        monkeypatch.setenv(name, closed if value == "closed" else value)
    with pytest.raises(Unusable, match=told) as caught:
        upload(run, address)
    assert "\n" not in str(caught.value)
