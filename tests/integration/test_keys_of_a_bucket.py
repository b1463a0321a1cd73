# SPDX-License-Identifier: Apache-2.0
"""Keys from all over a real bucket, MinIO on this machine, that has more than one page of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.s3 import Bucket
from processes import Minio, minio, minio_binary, open_folder


@pytest.fixture(scope="module")
def store() -> Iterator[Minio]:
    """A MinIO with one bucket, in which 1,100 keys come before all others."""
    binary = minio_binary()
    if binary is None:
        pytest.skip("there is no MinIO on this machine")
    with open_folder() as folder, minio(binary, folder, Waiter(2)) as made:
        client = boto3.client(
            "s3", endpoint_url=made.endpoint, region_name="us-east-1",
            aws_access_key_id=made.access_key, aws_secret_access_key=made.secret_key,
        )  # fmt: skip
        keys = [
            *(f"ml/1/{n:04d}/artifacts/model.bin" for n in range(1100)),
            *(f"ml/{n}/f{n}/artifacts/a.txt" for n in range(2, 60)),
            "ml/99/f/artifacts/secret.key",
        ]
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda key: client.put_object(Bucket=made.bucket, Key=key), keys))
        yield made


def test_what_comes_after_a_thousand_keys_is_looked_at(store: Minio) -> None:
    door: dict[str, Any] = {
        "endpoint": store.endpoint, "bucket": store.bucket, "access_key": store.access_key,
        "secret_key": store.secret_key, "region": "us-east-1",
    }  # fmt: skip
    bucket = Bucket(LocalInside(), door, "elsewhere/")
    found = bucket.spread(folders=10, each=5, after="05")
    assert found.folders == 60
    assert "ml/99/f/artifacts/secret.key" in found.keys
    assert "ml/1/0000/artifacts/model.bin" in found.keys
    assert "ml/1/0500/artifacts/model.bin" in found.keys
    assert len(found.keys) <= 10 * 2 * 5
    assert len(bucket.spread(folders=100, each=5, after="05").keys) == 10 + 59
