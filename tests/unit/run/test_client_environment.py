# SPDX-License-Identifier: Apache-2.0
"""What MLflow's own client is told by its environment."""

import pytest

from mlflow_conformance.doors.account import account
from mlflow_conformance.run.fixtures.doors import past_proxies


def test_hosts_that_no_proxy_is_used_for_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", ".corp.example, 10.0.0.0/8")
    monkeypatch.delenv("no_proxy", raising=False)
    found = past_proxies("https://mlflow.example:8443/ml")
    assert found["NO_PROXY"] == ".corp.example, 10.0.0.0/8,localhost,127.0.0.1,mlflow.example"
    assert found["no_proxy"] == "localhost,127.0.0.1,mlflow.example"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, {}),
        ("Bearer abc", {"MLFLOW_TRACKING_TOKEN": "abc"}),
        (
            "Basic YW5uYTpwOnc=",
            {"MLFLOW_TRACKING_USERNAME": "anna", "MLFLOW_TRACKING_PASSWORD": "p:w"},
        ),
    ],
)
def test_the_account_of_the_door_is_the_client_s(
    header: str | None, expected: dict[str, str]
) -> None:
    assert account({"Authorization": header} if header else {}) == expected
