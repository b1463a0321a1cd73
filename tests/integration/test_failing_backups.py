# SPDX-License-Identifier: Apache-2.0
"""The deployments' own backup with the faults of BKP-8, on a real PostgreSQL and a real MinIO."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
import psycopg
import pytest

import processes
import shipped
from mlflow_conformance.backup_restore.failing import FailedBackup
from mlflow_conformance.backup_restore.thresholds import Failures
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.backups.jobs import Job
from repository import ROOT

SCRIPTS = ROOT / "deployment/k3d/mlflow/files"
DATA = """
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('abc');
CREATE TABLE runs AS SELECT n, md5(n::text) AS name FROM generate_series(1, 20000) n;
"""


@dataclass(frozen=True)
class Place:
    """A database and a bucket that are there, and how a backup is told of them."""

    store: processes.Minio
    environment: Mapping[str, str]

    def objects(self) -> list[str]:
        """What is in the bucket."""
        client = boto3.client(
            "s3", endpoint_url=self.store.endpoint, region_name="us-east-1",
            aws_access_key_id=self.store.access_key, aws_secret_access_key=self.store.secret_key,
        )  # fmt: skip
        found = client.list_objects_v2(Bucket=self.store.bucket, Prefix="backups/")
        return [each["Key"] for each in found.get("Contents", [])]

    def back_up(self, scratch: Path, **other: str) -> "subprocess.CompletedProcess[str]":
        """Run the backup's program, with some variables that are others."""
        return subprocess.run(
            [sys.executable, str(SCRIPTS / "backup.py")],
            env={**os.environ, **self.environment, "SCRATCH": str(scratch), **other},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Both of them."""
    binary = processes.minio_binary()
    if binary is None:
        pytest.skip("there is no MinIO on this machine")
    with (
        processes.open_folder() as folder,
        processes.postgresql(folder, Waiter(2)) as database,
        processes.minio(binary, folder, Waiter(2)) as store,
    ):
        with psycopg.connect(database.address) as connection:
            connection.execute(DATA.encode())
        yield Place(
            store,
            {
                "DATABASE_URI": database.address,
                "BACKUP_DESTINATION": f"s3://{store.bucket}/backups/",
                "BACKUP_KEY": base64.b64encode(bytes(32)).decode(),
                "BACKUP_KEEP": "7",
                "AWS_ENDPOINT_URL_S3": store.endpoint,
                "AWS_ACCESS_KEY_ID": store.access_key,
                "AWS_SECRET_ACCESS_KEY": store.secret_key,
                "AWS_DEFAULT_REGION": "us-east-1",
                "PYTHONDONTWRITEBYTECODE": "1",
                # The environment of this machine may lead elsewhere.
                "NO_PROXY": "127.0.0.1",
            },
        )


@pytest.mark.parametrize("profile", ["k3d", "eks"])
@pytest.mark.parametrize(
    "way", ["database away", "object store away", "wrong credentials", "disk full"]
)
def test_a_fault_is_a_failure_that_says_why_and_leaves_nothing(
    place: Place, tmp_path: Path, profile: str, way: str
) -> None:
    row = Failures.model_validate(shipped.profile(profile).checks["BKP-8"].thresholds)
    fault = {str(name): fault for name, fault in row.faults.items()}[way]
    if fault.full:  # what is written to this device is written to a full one
        (tmp_path / "plain").symlink_to("/dev/full")
    done = place.back_up(tmp_path, **fault.environment)
    assert done.returncode not in (0, None)
    told = FailedBackup(Job("j", "failed", done.stdout + done.stderr), 1.0).why(fault.says)
    assert fault.says.fullmatch(told), done.stderr
    assert list(tmp_path.iterdir()) == []
    assert place.objects() == []


def test_without_a_fault_there_is_a_backup(place: Place, tmp_path: Path) -> None:
    done = place.back_up(tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(place.objects()) == 2
