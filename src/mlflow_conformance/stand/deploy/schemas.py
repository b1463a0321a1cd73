# SPDX-License-Identifier: Apache-2.0
"""Judges rendered objects by the schemas of their Kubernetes version, with no cluster or network.

The schemas are Kubernetes' own OpenAPI document and the CRDs that the deployments use, distilled by
:mod:`mlflow_conformance.stand.deploy.distil` and packaged. Like a strict API server they refuse
fields that do not exist, which is how most mistakes in templates look.
"""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft7Validator

PACKAGED = Path(__file__).parent / "schemas" / "objects.json.gz"


@dataclass(frozen=True)
class Problem:
    """What is wrong with one object, and where in it."""

    object: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.object}: {self.path or 'the object'}: {self.message}"


def name_of(manifest: Mapping[str, Any]) -> str:
    """``Kind/name`` of an object, for messages."""
    return f"{manifest.get('kind', '?')}/{manifest.get('metadata', {}).get('name', '?')}"


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(PACKAGED.read_bytes()))
    return document


@cache
def _validator(definition: str) -> "Draft7Validator":
    # Here and not above: every run asks for the version alone.
    from jsonschema import Draft7Validator

    return Draft7Validator(
        {"$ref": f"#/definitions/{definition}", "definitions": _document()["definitions"]}
    )


def kubernetes_version() -> str:
    """The version of Kubernetes whose schemas are packaged."""
    version: str = _document()["kubernetes"]
    return version


def problems(manifests: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Everything that an API server of this version would refuse by the objects' schemas.

    Two objects of one kind, namespace and name are a problem too: the second would overwrite the
    first.
    """
    found: list[Problem] = []
    seen: set[tuple[str, str, str]] = set()
    for manifest in manifests:
        name = name_of(manifest)
        kind = f"{manifest.get('apiVersion', '')}/{manifest.get('kind', '')}"
        key = (kind, str(manifest.get("metadata", {}).get("namespace", "")), name)
        if key in seen:
            found.append(Problem(name, "", "is there twice"))
        seen.add(key)
        definition = _document()["kinds"].get(kind)
        if definition is None:
            found.append(Problem(name, "", f"Kubernetes has no {kind}"))
            continue
        found.extend(
            Problem(name, ".".join(map(str, error.absolute_path)), error.message)
            for error in _validator(definition).iter_errors(manifest)
        )
    return found
