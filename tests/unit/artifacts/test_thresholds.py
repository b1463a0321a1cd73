# SPDX-License-Identifier: Apache-2.0
"""The two kinds of identities in the row of ART-4.roles."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlflow_conformance.artifacts.thresholds import KeysByToken, KeysInSecret, Roles

BY_TOKEN: dict[str, Any] = {
    "service_account": "mlflow", "audience": "sts", "sts": None, "bucket": "artifacts"
}  # fmt: skip
IN_SECRET: dict[str, Any] = {"secret": "backup", "bucket": "backups"}


def test_a_role_has_keys_in_a_secret_or_by_a_token() -> None:
    roles = Roles.model_validate({"roles": {"a": BY_TOKEN, "b": IN_SECRET}}).roles
    assert isinstance(roles["a"], KeysByToken)
    assert isinstance(roles["b"], KeysInSecret)


@pytest.mark.parametrize(
    "role", [{**BY_TOKEN, **IN_SECRET}, {"bucket": "x"}, {**IN_SECRET, "secret_kay": "x"}]
)
def test_not_both_nor_neither(role: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Roles.model_validate({"roles": {"a": role, "b": IN_SECRET}})
