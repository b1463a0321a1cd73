# SPDX-License-Identifier: Apache-2.0
"""What Argo Workflows is installed from: nothing stays in braces, and its parts fit each other."""

import re
from typing import Any

import pytest

from mlflow_conformance.config import assets
from mlflow_conformance.stand import workflows
from mlflow_conformance.stand.images import load_pins
from mlflow_conformance.stand.temporary import parts_of

FOLDER = assets.asset("deployment/kind/workflows")
WORDS: dict[str, Any] = {
    **dict.fromkeys(load_pins().on_demand["workflows"].images, "i:1"),
    **{name: (FOLDER / name).read_text() for name in workflows._SOURCES},
    "image": "mlflow:1",
    "workflows": "w",
    "runner": "r",
    "runner labels": {"access": "true"},
}
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
PARTS = [thing for name in FILES for thing in parts_of(FOLDER / name, WORDS)]


def texts(value: Any) -> list[str]:
    match value:
        case dict():
            return [text for v in value.values() for text in texts(v)]
        case list():
            return [text for v in value for text in texts(v)]
        case _:
            return [value] if isinstance(value, str) else []


def test_every_file_is_installed() -> None:
    assert sorted([workflows._NAMESPACE, workflows._TRIGGER, *workflows._IN_NAMESPACE]) == FILES


def test_nothing_stays_in_braces() -> None:
    left = [t for t in texts(PARTS) if re.fullmatch(r"\{[a-z .-]+\}", t) and t not in WORDS]
    assert left == []
    assert all("{" not in t for thing in PARTS for t in texts(thing.get("metadata")))


@pytest.mark.parametrize("name", [n for n in workflows._SOURCES if n != "trigger.py"])
def test_argo_finds_nothing_to_fill_in_a_program(name: str) -> None:
    assert "{{" not in WORDS[name]


def test_what_starts_workflows_is_bound_to_templates_that_there_are() -> None:
    templates = {t["metadata"]["name"] for t in PARTS if t["kind"] == "WorkflowTemplate"}
    [config] = [t["data"] for t in PARTS if "bindings.json" in t.get("data", {})]
    bound = set(re.findall(r': "([a-z-]+)"', config["bindings.json"]))
    assert bound
    assert bound <= templates


def test_what_starts_workflows_listens_where_it_is_said_to() -> None:
    [service] = [t for t in PARTS if t["kind"] == "Service"]
    assert service["metadata"]["name"] == workflows._NAME
    assert [p["port"] for p in service["spec"]["ports"]] == [workflows._PORT]
