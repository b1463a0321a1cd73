# SPDX-License-Identifier: Apache-2.0
"""Models as KServe's objects tell them, and where their files are."""

from typing import Any

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.integrations.serving import FAILED, READY, Served, key_of, stored_files


def told(ready: str = "False", **model: Any) -> Served:
    conditions = [{"type": "PredictorReady", "status": "True"}, {"type": "Ready", "status": ready}]
    return Served.of({"status": {"conditions": conditions, "modelStatus": model}})


def test_one_that_has_not_begun_is_neither() -> None:
    assert Served.of({}).outcome == "not begun"


def test_one_is_ready_when_its_condition_says_so() -> None:
    assert told("True", states={"targetModelState": "Loaded"}).outcome == READY


@pytest.mark.parametrize("state", ["Pending", "Loading"])
def test_one_that_is_on_its_way_is_neither(state: str) -> None:
    assert told(states={"targetModelState": state}).outcome == state


def test_one_that_failed_says_why() -> None:
    failure = {"reason": "ModelLoadFailed", "message": "No model found\nin b"}
    seen = told(states={"targetModelState": "FailedToLoad"}, lastFailureInfo=failure)
    assert (seen.outcome, seen.message) == (FAILED, "No model found in b")


def bucket(**files: str) -> Bucket:
    def listed(door: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
        assert door["bucket"] == "b"
        return [{"key": k, "size": 1, "etag": "e"} for k in files if k.startswith(prefix)]

    def digests(door: dict[str, Any], keys: list[str]) -> dict[str, dict[str, Any]]:
        assert door["bucket"] == "b"
        return {key: {"sha256": files[key], "size": 1} for key in keys}

    operations: dict[str, Any] = {"s3_list": listed, "s3_digest": digests}
    return Bucket(LocalInside(operations), {"bucket": "b"}, "artifacts/")


def test_the_folder_of_a_version_is_below_that_of_all_artifacts() -> None:
    assert key_of(bucket(), "mlflow-artifacts:/1/models/m-1/artifacts") == (
        "artifacts/1/models/m-1/artifacts"
    )


def test_files_that_mlflow_does_not_serve_are_nowhere() -> None:
    with pytest.raises(Undecided, match="does not serve"):
        key_of(bucket(), "file:///tmp/m-1")


def test_files_are_those_of_the_folder_alone() -> None:
    files = {"m-1/MLmodel": "x", "m-1/data/a": "y", "m-12/b": "z"}
    there = bucket(**{f"artifacts/{key}": sha256 for key, sha256 in files.items()})
    assert stored_files(there, "artifacts/m-1") == {"MLmodel": "x", "data/a": "y"}
