# SPDX-License-Identifier: Apache-2.0
"""Rows of security that would judge less than they promise are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlflow_conformance.security.thresholds import THRESHOLDS, Refused, WrongPatch, WrongSetting

SECRETS = {"s": ["password"]}
ACCOUNT = {"user": "mlflow", "secret": "s", "key": "password"}
ROTATION = {"rotates": ["s"], "public": [], "account": ACCOUNT, "settings": None}


@pytest.mark.parametrize(
    ("check_id", "row"),
    [
        ("SEC-3.strength", {"bits": 128, "secrets": SECRETS}),
        ("SEC-3.rotation", ROTATION),
        ("SEC-3.removal", {"objects": None, "passing": ["Pod"], "settings": None}),
        ("SEC-7", {"resources": {"mlflow": {"requests": {"cpu": "250m"}}}}),
    ],
)
def test_a_row_that_judges_is_taken(check_id: str, row: dict[str, Any]) -> None:
    THRESHOLDS[check_id].model_validate(row)


@pytest.mark.parametrize(
    ("check_id", "row", "told"),
    [
        ("SEC-1", {"seccomp": "Unconfined", "pod_security": "restricted"}, "seccomp"),
        ("SEC-1", {"seccomp": "RuntimeDefault", "pod_security": "privileged"}, "pod_security"),
        ("SEC-3.strength", {"bit": 128, "secrets": SECRETS}, "bits"),
        ("SEC-3.rotation", {**ROTATION, "rotates": []}, "rotates"),
        ("SEC-3.rotation", {k: v for k, v in ROTATION.items() if k != "settings"}, "settings"),
        ("SEC-6", {"own_hosts": ["mlflow"], "foreign_hosts": []}, "foreign_hosts"),
        ("SEC-7", {"resources": {"mlflow": {"request": {"cpu": "250m"}}}}, "request"),
        ("SEC-5.postgresql", {"versions": ["TLSv1.3"], "sslmode": "prefer"}, "sslmode"),
    ],
)
def test_a_row_that_would_judge_less_is_refused(
    check_id: str, row: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        THRESHOLDS[check_id].model_validate(row)


def test_a_wrong_value_is_a_setting_or_a_patch() -> None:
    row = Refused.model_validate(
        {
            "wrong": {
                "typo": {"settings": "--set a=b", "says": "not allowed"},
                "limit": {"patch": {"kind": "Deployment"}, "says": "must be"},
            },
            "passing": [],
        }
    )
    assert isinstance(row.wrong["typo"], WrongSetting)
    assert isinstance(row.wrong["limit"], WrongPatch)
    both = {"settings": "x", "patch": {"kind": "x"}, "says": "x"}
    with pytest.raises(ValidationError, match="extra"):
        Refused.model_validate({"wrong": {"both": both}, "passing": []})
