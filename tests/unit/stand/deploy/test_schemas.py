# SPDX-License-Identifier: Apache-2.0
"""Objects are judged by the schemas of their Kubernetes version."""

from typing import Any

import pytest

from mlflow_conformance.stand.deploy.distil import from_crd, from_openapi, strict
from mlflow_conformance.stand.deploy.schemas import PACKAGED, kubernetes_version, problems


def _service(**changes: Any) -> dict[str, Any]:
    spec = {"ports": [{"port": 80, "targetPort": "http"}], **changes}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}


def test_a_sound_object_has_no_problem() -> None:
    assert problems([_service()]) == []


def test_numbers_and_names_are_both_ports() -> None:
    assert problems([_service(ports=[{"port": 80, "targetPort": 8080}])]) == []


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (_service(prots=[]), "Service/s: spec: Additional properties are not allowed ('prots'"),
        (_service(ports=[{"port": "80"}]), "Service/s: spec.ports.0.port: '80' is not of type"),
        (_service(ports=[{}]), "Service/s: spec.ports.0: 'port' is a required property"),
        ({**_service(), "apiVersion": "v2"}, "Service/s: the object: Kubernetes has no v2/Service"),
        (
            {"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {}},
            "PodDisruptionBudget/?: the object: Kubernetes has no policy/v1beta1",
        ),
    ],
)
def test_a_wrong_object_is_told_by_its_place(manifest: dict[str, Any], said: str) -> None:
    (problem,) = problems([manifest])
    assert str(problem).startswith(said)


def test_an_object_that_is_there_twice() -> None:
    assert [str(p) for p in problems([_service(), _service()])] == [
        "Service/s: the object: is there twice"
    ]


def test_the_packaged_schemas() -> None:
    assert kubernetes_version() == "1.35.4"
    assert PACKAGED.stat().st_size < 100_000


def test_strict_keeps_free_maps_and_closes_the_rest() -> None:
    schema = {
        "description": "prose",
        "type": "object",
        "properties": {
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"x-kubernetes-preserve-unknown-fields": True, "properties": {}},
            "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}]},
            "other": {"$ref": "#/definitions/other", "description": "prose"},
        },
    }
    assert strict(schema) == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"properties": {}},
            "port": {"type": ["string", "integer"]},
            "other": {"$ref": "#/definitions/other"},
        },
    }


def test_kinds_are_found_by_their_group_and_version() -> None:
    identity = {"group": "apps", "version": "v1", "kind": "Deployment"}
    kinds, definitions = from_openapi(
        {
            "definitions": {
                "io.apps.Deployment": {
                    "properties": {"metadata": {"type": "object"}},
                    "x-kubernetes-group-version-kind": [identity],
                },
                "io.apps.DeploymentSpec": {"properties": {}},
            }
        }
    )
    assert kinds == {"apps/v1/Deployment": "io.apps.Deployment"}
    assert definitions["io.apps.Deployment"]["properties"]["kind"] == {"const": "Deployment"}


def test_custom_resources_are_kinds_too() -> None:
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}
    kinds, definitions = from_crd(
        {
            "spec": {
                "group": "example.com",
                "names": {"kind": "Thing"},
                "versions": [{"name": "v1", "schema": schema}],
            }
        }
    )
    assert kinds == {"example.com/v1/Thing": "example.com.v1.Thing"}
    assert set(definitions["example.com.v1.Thing"]["properties"]) == {
        "spec", "metadata", "apiVersion", "kind",
    }  # fmt: skip
