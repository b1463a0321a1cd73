# SPDX-License-Identifier: Apache-2.0
"""Where a profile says that MLflow and its stores are."""

import pytest
from pydantic import ValidationError

from mlflow_conformance.config.names import MlflowNames, PostgresqlNames, S3Names


def mlflow(**more: object) -> MlflowNames:
    """MLflow with these names besides those that it must have."""
    return MlflowNames.model_validate(
        {"deployment": "m", "service": "m", "selector": {"app": "m"}, **more}
    )


@pytest.mark.parametrize(
    ("names", "of_pod", "of_service"),
    [
        ({}, "http://10.0.0.1:5000", "http://m.ml.svc:5000"),
        ({"service_port": 80}, "http://10.0.0.1:5000", "http://m.ml.svc:80"),
        (
            {"scheme": "https", "port": 8443, "path": "/ml"},
            "https://10.0.0.1:8443/ml",
            "https://m.ml.svc:8443/ml",
        ),
    ],
)
def test_pods_and_the_service_have_ports_of_their_own(
    names: dict[str, object], of_pod: str, of_service: str
) -> None:
    found = mlflow(**names)
    assert found.url("10.0.0.1") == of_pod
    assert found.url("m.ml.svc", of_service=True) == of_service


def test_an_address_of_ipv6_is_in_brackets() -> None:
    assert mlflow().url("fd00::7") == "http://[fd00::7]:5000"


def test_a_statefulset_is_scaled_by_its_own_name() -> None:
    assert mlflow().scaled == "Deployment/m"
    assert mlflow(kind="statefulset").scaled == "StatefulSet/m"


def test_postgresql_is_a_service_or_a_host() -> None:
    assert PostgresqlNames(service="pg").address("ml") == "pg.ml.svc"
    assert PostgresqlNames(host="db.example").address("ml") == "db.example"
    for wrong in ({}, {"service": "pg", "host": "db.example"}):
        with pytest.raises(ValidationError, match="needs a service or a host"):
            PostgresqlNames.model_validate(wrong)


@pytest.mark.parametrize(
    ("model", "field", "said"),
    [
        (S3Names, {"endpoint": "http://s3", "bucket": "b", "prefix": "models"}, "ends in a slash"),
        (
            MlflowNames,
            {"deployment": "m", "service": "m", "selector": {"a": "b"}, "path": "ml/"},
            "begins with a slash",
        ),
    ],
)
def test_what_is_nearly_right_is_told(
    model: type[S3Names] | type[MlflowNames], field: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        model.model_validate(field)
