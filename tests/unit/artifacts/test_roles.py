# SPDX-License-Identifier: Apache-2.0
"""What an identity's keys are, or why there are none."""

from typing import cast

import pytest

from mlflow_conformance.artifacts.roles import keys_of
from mlflow_conformance.artifacts.thresholds import KeysInSecret
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.s3 import Bucket

ROLE = KeysInSecret(secret="mine", bucket="b", access_key="id", secret_key="key")


class _Kube:
    def __init__(self, **secrets: dict[str, str]) -> None:
        self._secrets = secrets

    def secret(self, name: str) -> dict[str, str]:
        try:
            return self._secrets[name]
        except KeyError:
            raise LookupError(f"the Secret mlflow/{name} cannot be read: 404") from None


def keys(**secrets: dict[str, str]) -> dict[str, str]:
    return keys_of(ROLE, cast(Kube, _Kube(**secrets)), cast(Inside, None), cast(Bucket, None))


def test_keys_are_those_of_the_secret() -> None:
    assert keys(mine={"id": "a", "key": "b"}) == {"access_key": "a", "secret_key": "b"}


def test_what_is_not_there_is_told_in_a_sentence() -> None:
    with pytest.raises(Undecided, match="the Secret mlflow/mine cannot be read: 404"):
        keys()
    with pytest.raises(Undecided, match="the Secret mine lacks id and key"):
        keys(mine={"other": "x"})
