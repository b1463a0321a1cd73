# SPDX-License-Identifier: Apache-2.0
"""The suite's mutants find in this deployment what they break."""

from typing import Any

import pytest

import shipped
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.config.placeholders import filled as filled_in
from mlflow_conformance.config.placeholders import placeholders

Objects = list[dict[str, Any]]

NAMES = shipped.profile("eks").names
MUTANTS = shipped.mutants()
# Secrets are made by generate-secrets; test_secrets.py proves that these are among them.
GENERATED = ("secret", "mlflow-keys")
PROVISIONED = "persistentvolume"
"""What the cluster makes for a claim, and names."""
SHORT = {"hpa": "horizontalpodautoscaler"}


def found(part: Any, path: str) -> bool:
    """Whether a JSON patch can replace or remove what is at a path."""
    for word in path.strip("/").split("/"):
        key: Any = int(word) if isinstance(part, list) else word
        try:
            part = part[key]
        except (IndexError, KeyError):
            return False
    return True


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, id=mutant.name)
        for mutant in MUTANTS.values()
        for change in mutant.spec.by.objects
        if change.action != "add" and change.namespace is None
    ],
)
def test_what_a_mutant_breaks_is_there(kind: Objects, change: ObjectChange) -> None:
    filled = ObjectChange.model_validate(filled_in(change.model_dump(), placeholders(NAMES)))
    if (filled.kind, filled.name) == GENERATED or filled.kind == PROVISIONED:
        return
    (there,) = [
        m
        for m in kind
        if m["kind"].lower() == SHORT.get(filled.kind, filled.kind)
        and m["metadata"]["name"] == filled.name
    ]
    made: list[str] = []
    for step in filled.json_patch:
        path = str(step["path"])
        if step["op"] in ("add", "copy"):
            made.append(path)
        elif not path.startswith(tuple(made)):
            assert found(there, path), step
