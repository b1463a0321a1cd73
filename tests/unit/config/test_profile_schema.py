# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of profiles says what reading one says, as far as a schema can."""

import json
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import shipped
from mlflow_conformance.config import assets, profile_schema
from mlflow_conformance.config.yaml_text import parse
from mlflow_conformance.run.known import thresholds


@cache
def schema() -> dict[str, Any]:
    return profile_schema.schema(shipped.checks(), thresholds())


def checks() -> dict[str, Any]:
    found: dict[str, Any] = schema()["properties"]["checks"]["properties"]
    return found


def written(name: str) -> Any:
    """A profile as JSON has it."""
    return json.loads(json.dumps(parse(assets.profile_path(name).read_bytes()).data))


def whole(name: str) -> Any:
    """The same as it would be written without a base."""
    document = shipped.profile(name).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {key: value for key, value in document.items() if key != "extends"}


def faults(document: Any) -> list[str]:
    errors = Draft202012Validator(schema()).iter_errors(document)
    return [".".join(map(str, error.absolute_path)) for error in errors]


def test_it_is_a_schema_by_the_meta_schema() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("name", ["k3d", "eks"])
def test_it_accepts_the_shipped_profiles(name: str) -> None:
    assert faults(written(name)) == []
    assert faults(whole(name)) == []


def test_it_knows_every_check_by_what_it_shows() -> None:
    assert {i: row["description"] for i, row in checks().items()} == {
        i: info.title for i, info in shipped.checks().items()
    }


@pytest.mark.parametrize("part", ["thresholds", "thorough"])
def test_every_threshold_is_described(part: str) -> None:
    for check_id, model in thresholds().items():
        form = checks()[check_id]["properties"][part]
        properties = form.get("properties", {})
        assert set(properties) == set(model.model_fields), check_id
        assert all(each.get("description") for each in properties.values()), check_id
        assert form["additionalProperties"] is False, check_id


ROW = ("checks", "NET-4", "thresholds")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("nmae",), "x"),
        (("checks", "NET-99"), {"promise": "p"}),
        ((*ROW, "attempst"), 1),
        ((*ROW, "attempts"), "1"),
        ((*ROW, "attempts"), None),
        (("checks", "NET-4", "thorough"), {"attempst": 1}),
        (("checks", "NET-4", "thorough"), {"attempts": "1"}),
        (("checks", "NET-4", "tier"), "full"),
        (("names", "mlflow", "port"), 0),
    ],
)
def test_it_refuses_what_reading_refuses(place: tuple[str, ...], value: object) -> None:
    document = deepcopy(whole("k3d"))
    holder = document
    for key in place[:-1]:
        holder = holder.setdefault(key, {})
    holder[place[-1]] = value
    assert faults(document)


def test_a_missing_threshold_is_refused() -> None:
    document = whole("k3d")
    del document["checks"]["NET-4"]["thresholds"]["attempts"]
    assert faults(document) == [".".join(ROW)]
    assert faults(document | {"extends": "production"}) == []


def test_what_extends_a_base_states_what_it_changes() -> None:
    document = whole("k3d") | {"extends": "production", "without": {"HPA": "no autoscaler here"}}
    document["checks"] = {"NET-4": {"thresholds": {"attempts": 7}}, "TRK-1": {}}
    assert faults(document) == []
    del document["checks"]
    assert faults(document) == []
    del document["extends"]
    assert faults(document) == [""]


def test_thorough_needs_only_what_it_replaces() -> None:
    document = whole("k3d")
    document["checks"]["NET-4"]["thorough"] = {"attempts": 7}
    assert faults(document) == []
