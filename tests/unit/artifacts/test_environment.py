# SPDX-License-Identifier: Apache-2.0
"""What containers are given in their environment."""

from typing import Any, cast

import pytest

from mlflow_conformance.artifacts.environment import of_others, values
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided


class Secrets:
    """The one Secret that there is."""

    def secret(self, name: str) -> dict[str, str]:
        return {"store": {"key": "a strong one"}}[name]


def given(*entries: dict[str, Any]) -> list[str]:
    pod = {"spec": {"containers": [{"name": "a"}, {"name": "b", "env": list(entries)}]}}
    return list(values(cast(Kube, Secrets()), pod, "WANTED"))


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"name": "OTHER", "value": "x"}, []),
        ({"name": "WANTED", "value": "x"}, ["x"]),
        ({"name": "WANTED"}, [""]),
        ({"name": "WANTED", "value": ""}, [""]),
    ],
)
def test_a_value(entry: dict[str, Any], found: list[str]) -> None:
    assert given(entry) == found


@pytest.mark.parametrize(("key", "found"), [("key", ["a strong one"]), ("another", [""])])
def test_an_entry_of_a_secret(key: str, found: list[str]) -> None:
    source = {"secretKeyRef": {"name": "store", "key": key}}
    assert given({"name": "WANTED", "valueFrom": source}) == found


def test_a_secret_that_cannot_be_read_is_told() -> None:
    with pytest.raises(Undecided):
        given({"name": "WANTED", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}})


def test_what_comes_from_elsewhere_is_undecided() -> None:
    with pytest.raises(Undecided, match="WANTED comes from fieldRef"):
        given({"name": "WANTED", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})


def beside(**container: Any) -> list[tuple[str, str]]:
    server = {"name": "mlflow", "env": [{"name": "OWN"}]}
    spec = {"initContainers": [{"name": "first", **container}], "containers": [server]}
    return list(of_others(cast(Kube, Secrets()), {"spec": spec}, "mlflow"))


def test_variables_of_the_containers_beside_one() -> None:
    source = {"prefix": "S3_", "secretRef": {"name": "store"}}
    assert beside(env=[{"name": "HOME", "value": "/"}], envFrom=[source]) == [
        ("first", "HOME"), ("first", "S3_key"),
    ]  # fmt: skip


@pytest.mark.parametrize("optional", [True, False])
def test_what_is_given_as_a_whole_and_cannot_be_read(optional: bool) -> None:
    source = {"secretRef": {"name": "none", "optional": optional}}
    if optional:
        assert beside(envFrom=[source]) == []
    else:
        with pytest.raises(Undecided, match="secret none cannot be read"):
            beside(envFrom=[source])
