# SPDX-License-Identifier: Apache-2.0
"""An account that is told with every request, and is never written down."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import (
    AuditorNames,
    LoginNames,
    MlflowNames,
    Names,
    PostgresqlNames,
    RunnerNames,
    S3Names,
)
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.target.keys import Keys

USER, PASSWORD, TOKEN = (f"MLFLOW_TRACKING_{word}" for word in ("USERNAME", "PASSWORD", "TOKEN"))


class _Secrets:
    """The Secrets of a cluster."""

    def secret(self, name: str) -> dict[str, str]:
        """One of them."""
        if name != "mlflow-auth":
            raise LookupError(f"the Secret ml/{name} cannot be read: 404 NotFound")
        return {
            "admin-user": "anna", "admin-password": "long-enough", "short": "abc",
            "postgresql-username": "reader", "postgresql-password": "of-the-reader",
        }  # fmt: skip


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    """Keys of a cluster, and an environment that tells no account."""
    for variable in (USER, PASSWORD, TOKEN):
        monkeypatch.delenv(variable, raising=False)
    with EvidenceLog(tmp_path / "evidence.jsonl") as log:
        yield Keys(cast(Kube, _Secrets()), log, {})


def login(kind: str, **more: str) -> LoginNames:
    """A login of that kind."""
    return LoginNames.model_validate({"kind": kind, **more})


def test_a_user_of_a_secret_is_told_and_concealed(keys: Keys) -> None:
    wanted = login("basic", secret="mlflow-auth", username="admin-user", password="admin-password")
    pair = base64.b64encode(b"anna:long-enough").decode()
    assert keys.headers(wanted) == {"Authorization": f"Basic {pair}"}
    said = keys.log.concealed(f"Basic {pair}, long-enough, anna")
    assert said.count("long-enough") == said.count(pair) == 0
    assert said.endswith("anna")


def test_a_token_of_the_environment(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "token-of-mine")
    assert keys.headers(login("bearer")) == {"Authorization": "Bearer token-of-mine"}
    assert "token-of-mine" not in keys.log.concealed("Bearer token-of-mine")


def test_no_login_is_no_header(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "token-of-mine")
    assert keys.headers(None) == {}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (login("basic"), f"needs {USER} and {PASSWORD}, which the environment lacks"),
        (login("bearer"), f"needs {TOKEN}, which the environment lacks"),
        (login("basic", secret="other"), "The login of the profile cannot be had: the Secret"),
        (
            login("basic", secret="mlflow-auth", username="admin-user"),
            "needs password, which the Secret mlflow-auth lacks",
        ),
        (login("bearer", secret="mlflow-auth", token="short"), "fewer than 6 characters"),
    ],
)
def test_a_login_that_cannot_be_used_ends_the_run(
    keys: Keys, wanted: LoginNames, said: str
) -> None:
    with pytest.raises(Unusable, match=said):
        keys.headers(wanted)


def names(secret: str | None, *, bucket: bool, **keys: str) -> Names:
    """A deployment with a database, perhaps a bucket, and perhaps an auditor."""
    return Names(
        namespace="ml",
        mlflow=MlflowNames(deployment="m", service="m", selector={"app": "m"}),
        runner=RunnerNames(),
        postgresql=PostgresqlNames(host="db"),
        s3=S3Names(endpoint="https://s3", bucket="b") if bucket else None,
        auditor=AuditorNames.model_validate({"secret": secret, **keys}) if secret else None,
    )


def test_an_auditor_of_the_database_alone_is_enough_where_there_is_no_bucket(keys: Keys) -> None:
    assert keys.auditor(names("mlflow-auth", bucket=False))["postgresql-username"] == "reader"
    assert keys.missing == {}
    assert keys.log.concealed("of-the-reader") == "•••"


def test_a_store_whose_keys_are_missing_closes_its_own_door(keys: Keys) -> None:
    keys.auditor(names("mlflow-auth", bucket=True))
    assert keys.missing == {"s3": "the Secret mlflow-auth lacks s3-access-key, s3-secret-key"}


def test_a_password_that_cannot_be_concealed_closes_its_door(keys: Keys) -> None:
    keys.auditor(names("mlflow-auth", bucket=False, sql_password="short"))
    assert "fewer than 6 characters" in keys.missing["sql"]


@pytest.mark.parametrize(
    ("secret", "said"),
    [(None, "the profile names no auditor Secret"), ("other", "cannot be read: 404 NotFound")],
)
def test_without_an_auditor_both_are_closed(keys: Keys, secret: str | None, said: str) -> None:
    assert keys.auditor(names(secret, bucket=True)) == {}
    assert set(keys.missing) == {"sql", "s3"}
    assert said in keys.missing["sql"]
