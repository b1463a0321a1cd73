# SPDX-License-Identifier: Apache-2.0
"""A mutant of the object store's answers leaves nothing in the bucket, MinIO on this machine."""

from collections.abc import Iterator
from typing import Any

import pytest

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.operations import s3_delete, s3_list, s3_put
from mlflow_conformance.mutants import lying_proxy
from processes import Minio, minio, minio_binary, open_folder


@pytest.fixture(scope="module")
def store() -> Iterator[Minio]:
    """A MinIO with one bucket."""
    binary = minio_binary()
    if binary is None:
        pytest.skip("there is no MinIO on this machine")
    with open_folder() as folder, minio(binary, folder, Waiter(2)) as made:
        yield made


def _door(store: Minio, endpoint: str, **other: str) -> dict[str, Any]:
    return {
        "endpoint": endpoint, "bucket": store.bucket, "access_key": store.access_key,
        "secret_key": store.secret_key, "region": "us-east-1", **other,
    }  # fmt: skip


def test_deletions_that_were_put_off_are_signed_well_when_they_are_made(store: Minio) -> None:
    honest = _door(store, store.endpoint)
    number, url = lying_proxy.start(store.endpoint, "postpone", {"door": "s3", "method": "DELETE"})
    lied_to, stranger = _door(store, url), _door(store, url, secret_key="x" * 32)
    for key in ("probe", "others"):
        assert s3_put(lied_to, key) is None
    assert s3_delete(lied_to, "probe") is None
    assert s3_delete(stranger, "others") is None
    assert {each["key"] for each in _listed(honest)} == {"probe", "others"}
    assert lying_proxy.stop(number) == 2
    assert {each["key"] for each in _listed(honest)} == {"others"}


def _listed(door: dict[str, Any]) -> list[dict[str, Any]]:
    found: Any = s3_list(door, "")
    return list(found)
