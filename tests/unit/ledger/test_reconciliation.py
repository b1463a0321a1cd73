# SPDX-License-Identifier: Apache-2.0
"""URIs held against keys."""

import pytest

from mlflow_conformance.ledger.reconciliation import (
    Owner,
    StoredArtifacts,
    folder_of,
    is_served,
    reconcile,
)


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("mlflow-artifacts:/1/run/artifacts", "p/1/run/artifacts"),
        ("mlflow-artifacts://host:5000/1/run/artifacts/", "p/1/run/artifacts"),
        ("s3://bucket/p/1/run/artifacts", "p/1/run/artifacts"),
        ("s3://other/p/1/run", None),
        ("file:///mlruns/1", None),
        ("", None),
    ],
)
def test_a_uri_leads_to_a_folder_or_elsewhere(uri: str, folder: str | None) -> None:
    assert folder_of(uri, "bucket", "p/") == folder


@pytest.mark.parametrize(
    ("location", "served"),
    [
        ("mlflow-artifacts:/0", True),
        ("mlflow-artifacts:/team/7", True),
        ("mlflow-artifacts://another-host/7", False),
        ("mlflow-artifacts:/", False),
        ("s3://bucket/7", False),
        ("/mlruns/0", False),
        ("file:///mlruns/0", False),
        ("", False),
    ],
)
def test_a_location_is_served_by_whichever_server_is_asked(location: str, served: bool) -> None:
    assert is_served(location, "mlflow-artifacts") is served


def _stored(*owners: tuple[str, str, bool]) -> StoredArtifacts:
    return StoredArtifacts([Owner("run", name, uri, needed) for name, uri, needed in owners])


def test_both_directions() -> None:
    before = _stored(
        ("full", "mlflow-artifacts:/1/full/artifacts", True),
        ("may-be-empty", "mlflow-artifacts:/1/none/artifacts", False),
        ("empty", "mlflow-artifacts:/1/empty/artifacts", True),
        ("file", "file:///x", False),
    )
    late = _stored(("late", "mlflow-artifacts:/1/late/artifacts", False))
    keys = ["1/full/artifacts/a/b", "1/late/artifacts/c", "1/fuller/artifacts/x", "stray"]
    result = reconcile(before, late, keys, bucket="b", prefix="")
    assert result.owned == 2
    assert result.empty == ["run empty: mlflow-artifacts:/1/empty/artifacts"]
    assert result.elsewhere == ["run file: file:///x"]
    assert result.orphans == ["1/fuller/artifacts/x", "stray"]


def test_what_lies_deeper_than_a_uri_fills_it() -> None:
    before = _stored(("model", "mlflow-artifacts:/1/run/artifacts/model", True))
    runs = _stored(("run", "mlflow-artifacts:/1/run/artifacts", False))
    stored = StoredArtifacts([*runs.owners, *before.owners])
    result = reconcile(stored, stored, ["1/run/artifacts/model/data/x"], bucket="b", prefix="")
    assert (result.empty, result.orphans) == ([], [])
