# SPDX-License-Identifier: Apache-2.0
"""What a container is given for a variable."""

from typing import Any, cast

import pytest

from mlflow_conformance.artifacts.environment import values
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
