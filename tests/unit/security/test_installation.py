# SPDX-License-Identifier: Apache-2.0
"""Secrets of installations compared, and what an installation leaves behind."""

import pytest

from mlflow_conformance.cluster.inventory import Thing, left_behind
from mlflow_conformance.security.installation import differing, rendered_secrets, shared

ONE = {"a/password": "MQ==", "a/username": "dQ==", "b/key": "Mg=="}


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"a/password": "OQ==", "a/username": "dQ==", "b/key": "OA=="}, []),
        ({"a/password": "MQ==", "a/username": "dQ=="}, ["a/password of one and other"]),
        ({"a/key": "Mg=="}, []),
        ({}, []),
    ],
)
def test_shared_secrets_are_named(other: dict[str, str], found: list[str]) -> None:
    assert shared({"one": ONE, "other": other}, ["username"]) == found


def test_every_pair_of_installs_is_compared() -> None:
    same = {"a/password": "MQ=="}
    assert len(shared({"one": same, "two": same, "three": same}, [])) == 3


def test_what_changed_came_or_went_differs() -> None:
    assert differing(ONE, {"a/password": "OQ==", "a/username": "dQ==", "c/new": ""}) == [
        "a/password",
        "b/key",
        "c/new",
    ]


def test_entries_of_rendered_secrets() -> None:
    objects = [
        {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "v"}},
        {"kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "MQ=="}, "type": "Opaque"},
        {"kind": "Secret", "metadata": {"name": "t"}, "stringData": {"k": "1"}},
        {"kind": "Secret", "metadata": {"name": "r"}, "type": "helm.sh/release.v1",
         "data": {"release": "x"}},
    ]  # fmt: skip
    assert rendered_secrets(objects) == {"s/k": "MQ==", "t/k": "MQ=="}


def test_what_is_left_behind_is_told() -> None:
    before = {Thing("Pod", "kube-system", "dns-1"), Thing("StorageClass", "", "gp3")}
    after = {
        Thing("Pod", "kube-system", "dns-2"),
        Thing("Pod", "own", "mlflow-1"),
        Thing("PersistentVolume", "", "pvc-1"),
        Thing("ConfigMap", "monitoring", "dashboard"),
        Thing("StorageClass", "", "gp3"),
    }
    assert left_behind(before, after, "own", ["Pod"]) == [
        "ConfigMap monitoring/dashboard",
        "PersistentVolume pvc-1",
        "Pod own/mlflow-1",
    ]
