# SPDX-License-Identifier: Apache-2.0
"""Makes the packaged object schemas from Kubernetes' own OpenAPI document and from CRDs.

    python -m mlflow_conformance.stand.deploy.distil --version 1.35.4 \\
        --openapi .../k8s.io/kubernetes@v1.35.4/api/openapi-spec/swagger.json --crd FILE...

Run again when the Kubernetes version changes. Descriptions, which are nine tenths of the document,
go; unknown fields become errors, as they are to a strict API server.
"""

import argparse
import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlflow_conformance.stand.deploy.rendered import objects
from mlflow_conformance.stand.deploy.schemas import PACKAGED

Json = dict[str, Any]

_KEPT = ("type", "required", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength",
         "minItems", "maxItems", "minProperties", "maxProperties")  # fmt: skip
_GVK = "x-kubernetes-group-version-kind"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
# What the API server accepts is wider than the document's "string".
_WIDER: Mapping[str, Json] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
}


def strict(schema: Mapping[str, Any]) -> Json:
    """A schema without prose that refuses unknown fields."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["string", "integer"]}
    kept: Json = {key: schema[key] for key in _KEPT if key in schema}
    if isinstance(schema.get("items"), dict):
        kept["items"] = strict(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        kept["additionalProperties"] = strict(schema["additionalProperties"])
    if "properties" in schema:
        kept["properties"] = {name: strict(sub) for name, sub in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            kept.setdefault("additionalProperties", False)
    return kept


def _identified(schema: Json, api_version: str, kind: str) -> Json:
    properties = schema.setdefault("properties", {})
    properties["apiVersion"] = {"const": api_version}
    properties["kind"] = {"const": kind}
    return schema


def from_openapi(document: Mapping[str, Any]) -> tuple[dict[str, str], Json]:
    """Kinds (``apiVersion/Kind`` to definition) and definitions of an OpenAPI 2 document."""
    kinds: dict[str, str] = {}
    definitions: Json = {}
    for name, schema in document["definitions"].items():
        definitions[name] = dict(_WIDER[name]) if name in _WIDER else strict(schema)
        identities = schema.get(_GVK, [])
        # Options of deletions and watches belong to every group: they are no objects.
        if len(identities) == 1 and "metadata" in schema.get("properties", {}):
            group, version, kind = (identities[0][key] for key in ("group", "version", "kind"))
            api_version = f"{group}/{version}" if group else version
            kinds[f"{api_version}/{kind}"] = name
            _identified(definitions[name], api_version, kind)
    return kinds, definitions


def from_crd(crd: Mapping[str, Any]) -> tuple[dict[str, str], Json]:
    """Kinds and definitions of the served versions of a CustomResourceDefinition."""
    kinds: dict[str, str] = {}
    definitions: Json = {}
    spec = crd["spec"]
    for version in spec["versions"]:
        api_version = f"{spec['group']}/{version['name']}"
        kind = spec["names"]["kind"]
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"$ref": f"#/definitions/{_OBJECT_META}"}
        name = f"{spec['group']}.{version['name']}.{kind}"
        kinds[f"{api_version}/{kind}"] = name
        definitions[name] = _identified(schema, api_version, kind)
    return kinds, definitions


def distil(version: str, openapi: Path, crds: Iterable[Path]) -> Json:
    """The packaged document."""
    kinds, definitions = from_openapi(json.loads(openapi.read_text(encoding="utf-8")))
    for path in crds:
        for crd in objects(path.read_text(encoding="utf-8")):
            more_kinds, more_definitions = from_crd(crd)
            kinds |= more_kinds
            definitions |= more_definitions
    return {"kubernetes": version, "kinds": kinds, "definitions": definitions}


def main() -> None:
    """Write the packaged document anew; the same input gives the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", required=True, help="version of Kubernetes, as 1.35.4")
    parser.add_argument("--openapi", required=True, type=Path)
    parser.add_argument("--crd", nargs="*", type=Path, default=[])
    options = parser.parse_args()
    document = distil(options.version, options.openapi, options.crd)
    text = json.dumps(document, separators=(",", ":"), sort_keys=True)
    PACKAGED.parent.mkdir(parents=True, exist_ok=True)
    PACKAGED.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
