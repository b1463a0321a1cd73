# SPDX-License-Identifier: Apache-2.0
"""Which part of MLflow an object belongs to, and which pods read a ConfigMap or a Secret."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from mlflow_conformance.config.names import Names

Part = Literal["server", "database", "store", "backup", "restore", ""]
Manifest = Mapping[str, Any]

ROLLED = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds whose pods are made anew when their template changes."""
_REFERENCES = {
    "ConfigMap": (
        ("configMap", "name"),
        ("configMapRef", "name"),
        ("configMapKeyRef", "name"),
    ),
    "Secret": (
        ("secret", "secretName"),
        ("secret", "name"),
        ("secretRef", "name"),
        ("secretKeyRef", "name"),
    ),
}


def part_of(manifest: Manifest, names: Names) -> Part:
    """Whose pods a workload makes."""
    if manifest["kind"] == "CronJob":
        backup = names.backup.cronjob if names.backup else None
        return "backup" if manifest["metadata"]["name"] == backup else "restore"
    labels = template_of(manifest).get("metadata", {}).get("labels", {})
    selectors: Mapping[Part, Mapping[str, str]] = {
        "server": names.mlflow.selector,
        "database": names.postgresql.selector if names.postgresql else {},
        "store": names.s3.selector if names.s3 else {},
    }
    for part, selector in selectors.items():
        if selector and selector.items() <= labels.items():
            return part
    return ""


def template_of(manifest: Manifest) -> Manifest:
    """The template of the pods that a workload makes; empty for what is none."""
    spec = manifest.get("spec", {})
    found: Manifest = spec.get("jobTemplate", {}).get("spec", spec).get("template", {})
    return found if isinstance(found, Mapping) else {}


def readers(manifest: Manifest, manifests: Sequence[Manifest]) -> list[Manifest]:
    """The workloads whose pods read a ConfigMap or a Secret, in their order."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    return [
        m for m in manifests if template_of(m) and name in _named(template_of(m), _REFERENCES[kind])
    ]


def _named(value: Any, references: Sequence[tuple[str, str]]) -> Iterator[str]:
    match value:
        case Mapping():
            for outer, inner in references:
                found = value.get(outer)
                if isinstance(found, Mapping) and inner in found:
                    yield str(found[inner])
            for part in value.values():
                yield from _named(part, references)
        case list():
            for part in value:
                yield from _named(part, references)


def selected_keys(value: Any) -> Iterator[str]:
    """The keys of labels that selectors in a manifest name."""
    match value:
        case Mapping():
            for key, inner in value.items():
                if key in ("matchLabels", "selector") and isinstance(inner, Mapping):
                    yield from (str(k) for k, v in inner.items() if isinstance(v, str))
                if key == "matchExpressions":
                    yield from (str(e["key"]) for e in inner)
                yield from selected_keys(inner)
        case list():
            for inner in value:
                yield from selected_keys(inner)
