# SPDX-License-Identifier: Apache-2.0
"""Names in braces: they stand for a profile's own, in documents that serve every deployment."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import JsonValue

from mlflow_conformance.config.names import Names


def placeholders(names: Names) -> dict[str, JsonValue]:
    """What the names in braces of a mutant stand for; those that end in `pods` are labels."""
    found: dict[str, JsonValue] = {
        "namespace": names.namespace,
        "deployment": names.mlflow.deployment,
        "service": names.mlflow.service,
        "mlflow pods": dict(names.mlflow.selector),
        "container": names.mlflow.container,
        "hpa": names.mlflow.hpa,
        "pdb": names.mlflow.pdb,
        "backup": names.backup.cronjob if names.backup else None,
    }
    if names.postgresql:
        found["postgresql"] = names.postgresql.service
        found["postgresql pods"] = dict(names.postgresql.selector)
    if names.s3 and names.s3.selector:
        found["s3"] = (urlsplit(names.s3.endpoint).hostname or "").split(".")[0]
    return {k: v for k, v in found.items() if v}


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
