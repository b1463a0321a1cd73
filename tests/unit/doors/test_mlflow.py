# SPDX-License-Identifier: Apache-2.0
"""What a reply of MLflow says of the door that it came through."""

from collections.abc import Mapping

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.mlflow import MlflowApi, served_path
from senders import Always

_REFUSAL = b"Invalid Host header - possible DNS rebinding attack detected"


def _api(status: int, body: bytes, headers: Mapping[str, str]) -> MlflowApi:
    return MlflowApi("http://mlflow:5000", Always(status, body), headers)


def test_a_name_that_mlflow_does_not_know_leaves_it_open_what_it_would_have_done() -> None:
    with pytest.raises(Undecided, match="refuses the name of http://mlflow:5000"):
        _api(403, _REFUSAL, {}).post("runs/create")


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (403, _REFUSAL, {"Host": "evil.example"}),
        (403, b"Permission denied", {}),
        (400, _REFUSAL, {}),
    ],
    ids=["a name of the check's own", "another refusal", "another status"],
)
def test_any_other_reply_is_one(status: int, body: bytes, headers: dict[str, str]) -> None:
    assert _api(status, body, headers).post("runs/create").status == status


def test_of_many_requests_too() -> None:
    answer = {
        "started_ns": 0, "status": 403, "headers": {}, "elapsed_s": 0.0,
        "body_base64": "SW52YWxpZCBIb3N0IGhlYWRlcg==",
    }  # fmt: skip
    inside = LocalInside({"http_many": lambda **_: [answer]})
    with pytest.raises(Undecided, match="Invalid Host header"):
        send_many(inside, [Request("GET", "http://mlflow:5000/x", {})], concurrency=1)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("mlflow-artifacts:/1/run/artifacts", "1/run/artifacts"),
        ("mlflow-artifacts:/team/1/run/artifacts", "team/1/run/artifacts"),
        ("mlflow-artifacts://mlflow:5000/1/run/artifacts", "1/run/artifacts"),
        ("s3://bucket/1/run/artifacts", None),
        ("/mlruns/1/run/artifacts", None),
        ("file:///mlruns/1/run/artifacts", None),
    ],
)
def test_mlflow_serves_the_artifacts_of_its_own_scheme_alone(uri: str, path: str | None) -> None:
    assert served_path(uri) == path
