# SPDX-License-Identifier: Apache-2.0
"""Names in braces: they stand for a profile's own, in documents that serve every deployment."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import JsonValue

from mlflow_conformance.config.names import Names

OF_PROMISES = {
    "namespace": "names.namespace",
    "service": "names.mlflow.service",
    "port": "names.mlflow.service_port",
    ":port": "names.mlflow.service_port",
    "container": "names.mlflow.container",
    "mlflow pods": "names.mlflow.selector",
    "runner labels": "names.runner.labels",
}
"""The names in braces that thresholds of a profile may hold, and the key that each stands for."""


def placeholders(names: Names) -> dict[str, JsonValue]:
    """What names in braces stand for; those that end in `pods` and in `labels` are labels."""
    found: dict[str, JsonValue] = {
        "namespace": names.namespace,
        "deployment": names.mlflow.deployment,
        "service": names.mlflow.service,
        "port": str(names.mlflow.port_of_service),
        ":port": names.mlflow.port_as_called,
        "mlflow pods": dict(names.mlflow.selector),
        "container": names.mlflow.container,
        "hpa": names.mlflow.hpa,
        "pdb": names.mlflow.pdb,
        "runner labels": dict(names.runner.labels),
        "backup": names.backup.cronjob if names.backup else None,
    }
    if names.postgresql:
        found["postgresql"] = names.postgresql.service
        found["postgresql pods"] = dict(names.postgresql.selector)
    if names.s3 and names.s3.selector:
        found["s3"] = (urlsplit(names.s3.endpoint).hostname or "").split(".")[0]
    # What stands behind a host may well be nothing.
    return {k: v for k, v in found.items() if v or k == ":port"}


def filled(value: Any, words: Mapping[str, JsonValue]) -> Any:
    """`value` with every ``{name}`` in its strings replaced; other braces stay.

    A string that is nothing but one ``{name}`` becomes what it stands for, labels included.
    """
    match value:
        case str():
            for word, meaning in words.items():
                if value == "{" + word + "}":
                    return meaning
                if isinstance(meaning, str):
                    value = value.replace("{" + word + "}", meaning)
            return value
        case list():
            return [filled(v, words) for v in value]
        case dict():
            return {filled(k, words): filled(v, words) for k, v in value.items()}
        case _:
            return value


def unfilled(value: Any) -> set[str]:
    """The names of `OF_PROMISES` that are still in braces."""
    match value:
        case str():
            return {word for word in OF_PROMISES if "{" + word + "}" in value}
        case list():
            return {word for v in value for word in unfilled(v)}
        case dict():
            return {word for v in (*value, *value.values()) for word in unfilled(v)}
        case _:
            return set()
