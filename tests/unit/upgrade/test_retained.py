# SPDX-License-Identifier: Apache-2.0
"""What is set in a namespace, and what of it an upgrade changed."""

from typing import Any, cast

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.upgrade.retained import Altered, altered, settings

SECRET = {"metadata": {"name": "s", "uid": "1"}, "data": {"password": "eA==", "key": "eQ=="}}
RELEASE = {
    "metadata": {"name": "sh.helm.release.v1.m.v1", "uid": "2"},
    "type": "helm.sh/release.v1", "data": {"release": "x"},
}  # fmt: skip


class _Namespace:
    """Lists what it is told to hold."""

    def __init__(self, **things: list[dict[str, Any]]) -> None:
        self.things = things

    def items(self, kind: str) -> list[dict[str, Any]]:
        return self.things.get(kind, [])


def _deployment(image: str, replicas: int, value: str, uid: str = "3") -> dict[str, Any]:
    containers = [{"name": "mlflow", "image": image, "env": [{"name": "A", "value": value}]}]
    spec = {"replicas": replicas, "template": {"spec": {"containers": containers}}}
    return {"metadata": {"name": "d", "uid": uid}, "spec": spec}


def _between(before: _Namespace, after: _Namespace) -> Altered:
    images = ("mlflow:1", "mlflow:2")
    return altered(settings(cast(Kube, before), images), settings(cast(Kube, after), images))


def test_another_image_and_number_of_replicas_are_no_change() -> None:
    before = _Namespace(deployment=[_deployment("mlflow:1", 2, "x")], secret=[SECRET, RELEASE])
    after = _Namespace(deployment=[_deployment("mlflow:2", 3, "x")], secret=[SECRET])
    assert _between(before, after) == Altered([], [], [])


def test_a_value_an_entry_of_a_secret_and_an_object_made_anew_are_told() -> None:
    other = {**SECRET, "data": {"password": "eg==", "key": "eQ==", "new": "eQ=="}}
    before = _Namespace(deployment=[_deployment("mlflow:1", 2, "x")], secret=[SECRET])
    after = _Namespace(deployment=[_deployment("mlflow:2", 2, "y", uid="9")], secret=[other])
    found = _between(before, after)
    assert found.secrets == ["secret/s: data.password"]
    where = "spec.template.spec.containers[mlflow].env[A].value"
    assert found.others == [f"deployment/d: {where}"]
    assert found.remade == ["deployment/d"]


def test_nothing_of_a_secret_is_kept() -> None:
    held = settings(cast(Kube, _Namespace(secret=[SECRET])))
    assert "eA==" not in repr(held)
