# SPDX-License-Identifier: Apache-2.0
"""What is set in a namespace, and what of it an upgrade changed."""

from typing import Any, cast

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.upgrade.retained import Altered, altered, meant, settings

SECRET: dict[str, Any] = {
    "metadata": {"name": "s", "uid": "1"},
    "data": {"password": "eA==", "key": "eQ=="},
}
RELEASE = {
    "metadata": {"name": "sh.helm.release.v1.m.v1", "uid": "2"},
    "type": "helm.sh/release.v1", "data": {"release": "x"},
}  # fmt: skip


class _Namespace:
    """Lists what it is told to hold."""

    namespace = "n"

    def __init__(self, **things: list[dict[str, Any]]) -> None:
        self.things = things
        self.own: dict[str, str] = {}

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return {"kind": kind, "metadata": {"name": name, "labels": self.own}}

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
    assert _between(before, after) == Altered([], [], [], [])


def test_a_value_an_entry_of_a_secret_and_an_object_made_anew_are_told() -> None:
    other = {**SECRET, "data": {"password": "eg==", "key": "eQ==", "new": "eQ=="}}
    before = _Namespace(deployment=[_deployment("mlflow:1", 2, "x")], secret=[SECRET])
    after = _Namespace(deployment=[_deployment("mlflow:2", 2, "y", uid="9")], secret=[other])
    found = _between(before, after)
    assert found.secrets == ["secret/s: data.password"]
    where = "spec.template.spec.containers[mlflow].env[A].value"
    assert found.others == [f"deployment/d: {where}"]
    assert found.remade == ["deployment/d"]


def _account(**more: Any) -> dict[str, Any]:
    meta = {"name": "a", "uid": "4", **more.pop("metadata", {})}
    return {"metadata": meta, "automountServiceAccountToken": False, **more}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (_account(), _account(automountServiceAccountToken=True), "automountServiceAccountToken"),
        (
            _account(metadata={"annotations": {"eks.amazonaws.com/role-arn": "x"}}),
            _account(),
            "metadata.annotations.eks.amazonaws.com/role-arn",
        ),
        (
            _account(metadata={"labels": {"team": "x"}}),
            _account(metadata={"labels": {"team": "y"}}),
            "metadata.labels.team",
        ),
    ],
)
def test_rights_labels_and_annotations_are_settings(
    before: dict[str, Any], after: dict[str, Any], told: str
) -> None:
    found = _between(_Namespace(serviceaccount=[before]), _Namespace(serviceaccount=[after]))
    assert found.others == [f"serviceaccount/a: {told}"]


@pytest.mark.parametrize(
    "key",
    [
        "helm.sh/chart",
        "app.kubernetes.io/version",
        "kubectl.kubernetes.io/last-applied-configuration",
        "deployment.kubernetes.io/revision",
        "volume.beta.kubernetes.io/storage-provisioner",
    ],
)
def test_what_deploys_and_what_controls_may_sign_its_work(key: str) -> None:
    before, after = (_account(metadata={"labels": {key: v}, "annotations": {key: v}}) for v in "xy")
    found = _between(_Namespace(serviceaccount=[before]), _Namespace(serviceaccount=[after]))
    assert found == Altered([], [], [], [])


def test_the_namespace_may_lose_no_label() -> None:
    before, after = _Namespace(), _Namespace()
    before.own = {"pod-security.kubernetes.io/enforce": "restricted"}
    told = "namespace/n: metadata.labels.pod-security.kubernetes.io/enforce"
    assert _between(before, after).others == [told]


def test_an_annotation_of_a_secret_is_no_entry_of_it_and_a_new_secret_is_no_change() -> None:
    marked = {**SECRET, "metadata": {**SECRET["metadata"], "annotations": {"a": "1"}}}
    new = {"metadata": {"name": "t", "uid": "5", "labels": {"a": "1"}}, "data": {"k": "eA=="}}
    found = _between(_Namespace(secret=[marked]), _Namespace(secret=[SECRET, new]))
    assert found == Altered([], ["secret/s: metadata.annotations.a"], [], [])


def test_nothing_of_a_secret_is_kept() -> None:
    held = settings(cast(Kube, _Namespace(secret=[SECRET])))
    assert "eA==" not in repr(held)


def _rendered(value: str, memory: str, **data: str) -> list[dict[str, Any]]:
    deployment = _deployment("mlflow:1", 2, value)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"memory": memory}}
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": data}
    return [{"kind": "Deployment", **deployment}, secret]


def _kept(value: str, memory: str, **data: str) -> _Namespace:
    deployment, _ = _rendered(value, memory)
    return _Namespace(deployment=[deployment], secret=[{**SECRET, "data": data}])


def test_what_the_files_change_is_meant_where_it_is_what_they_say() -> None:
    images = ("mlflow:1", "mlflow:1")
    to_be = meant(
        _rendered("x", "1024Mi", password="x", key="y"),
        _rendered("y", "2048Mi", password="z", key="y"),
    )
    before = settings(cast(Kube, _kept("x", "1Gi", password="eA==", key="eQ==")), images)
    as_said = settings(cast(Kube, _kept("y", "2Gi", password="eg==", key="eQ==")), images)
    otherwise = settings(cast(Kube, _kept("z", "2Gi", password="eA==", key="eg==")), images)
    where = "deployment/d: spec.template.spec.containers[mlflow]"
    variable, limit = f"{where}.env[A].value", f"{where}.resources.limits.memory"
    assert altered(before, as_said, to_be) == Altered(
        [], [], [], [variable, limit, "secret/s: data.password"]
    )
    assert altered(before, otherwise, to_be) == Altered(
        ["secret/s: data.key"], [variable], [], [limit]
    )
    assert altered(before, as_said).others == [variable, limit]


def test_what_the_files_no_longer_set_is_meant_to_go() -> None:
    both, one = _account(metadata={"labels": {"team": "x"}}), _account()
    to_be = meant([{"kind": "ServiceAccount", **both}], [{"kind": "ServiceAccount", **one}])
    before, after = (
        settings(cast(Kube, _Namespace(serviceaccount=[each]))) for each in (both, one)
    )
    assert altered(before, after, to_be).meant == ["serviceaccount/a: metadata.labels.team"]
