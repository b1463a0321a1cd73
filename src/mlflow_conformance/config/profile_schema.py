# SPDX-License-Identifier: Apache-2.0
"""A JSON Schema of profiles, for editors: every key, and the thresholds of each check by name.

What needs more than one place of a profile to be seen (a waiver of a check that is not expected)
is left to `mlflow-conformance profile validate`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from mlflow_conformance.config.catalogue import CheckInfo
from mlflow_conformance.config.profile import Profile, Row
from mlflow_conformance.config.thresholds import Registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_Schema = dict[str, Any]


def schema(checks: Mapping[str, CheckInfo], thresholds: Registry) -> _Schema:
    """The schema.

    Args:
        checks: those that exist, by ID.
        thresholds: the form of each check's; a check that is not in it may have any.
    """
    models: list[type[BaseModel]] = [Profile, Row, *dict.fromkeys(thresholds.values())]
    refs, whole = models_json_schema([(model, "validation") for model in models])
    definitions: _Schema = whole["$defs"]
    names = {model: str(refs[model, "validation"]["$ref"]).rsplit("/", 1)[1] for model in models}
    profile = definitions.pop(names[Profile])
    row = definitions.pop(names[Row])
    profile["properties"]["checks"] |= {
        "properties": {
            check_id: _row(row, info, thresholds, names, definitions)
            for check_id, info in checks.items()
        },
        "additionalProperties": False,
    }
    return {
        "$schema": DIALECT,
        **profile,
        "title": "A profile",
        "required": [key for key in profile["required"] if key != "checks"],
        **_whole(row, checks, thresholds, names),
        "$defs": definitions,
    }


def _whole(
    row: _Schema,
    checks: Mapping[str, CheckInfo],
    thresholds: Registry,
    names: Mapping[type[BaseModel], str],
) -> _Schema:
    """What a profile states that extends no base: whole rows, with all of their thresholds."""
    rows: dict[str, _Schema] = {}
    for check_id in checks:
        form = thresholds.get(check_id)
        rows[check_id] = {"required": list(row["required"])}
        if form is not None and form.model_json_schema().get("required"):
            rows[check_id]["required"].append("thresholds")
            rows[check_id]["properties"] = {"thresholds": {"$ref": f"#/$defs/{names[form]}"}}
    return {
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": ["checks"], "properties": {"checks": {"properties": rows}}},
    }


def _row(
    row: _Schema,
    info: CheckInfo,
    thresholds: Registry,
    names: Mapping[type[BaseModel], str],
    definitions: Mapping[str, _Schema],
) -> _Schema:
    """A row as a profile has it that extends a base: with what it changes of that one alone."""
    described = {k: v for k, v in row.items() if k != "required"}
    described |= {"title": info.id, "description": info.title}
    if info.id not in thresholds:
        return described
    form = definitions[names[thresholds[info.id]]]
    properties = dict(row["properties"])
    for part in ("thresholds", "thorough"):
        properties[part] = {
            **{key: value for key, value in form.items() if key != "required"},
            "title": row["properties"][part]["title"],
            "description": row["properties"][part]["description"],
        }
    return {**described, "properties": properties}
