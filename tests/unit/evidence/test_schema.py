# SPDX-License-Identifier: Apache-2.0
"""The committed JSON Schema says what the program writes."""

import json
from pathlib import Path

import jsonschema
import pytest

from mlflow_conformance.evidence.schema import PATH, generated
from repository import RECORDS

RECORDED = sorted((RECORDS).glob("*.jsonl"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    document = json.loads(PATH.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def test_the_file_is_in_step_with_the_model() -> None:
    assert PATH.read_text("utf-8") == generated(), (
        "run python -m mlflow_conformance.evidence.schema and commit the file"
    )


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.stem)
def test_recorded_logs_are_valid(path: Path, validator: jsonschema.Draft202012Validator) -> None:
    *lines, cut = path.read_text("utf-8").split("\n")
    assert not cut or path.stem == "crashed"
    for line in lines:
        validator.validate(json.loads(line))


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"type": "end", "ended": "2026-11-22T02:00:00Z"},
        {"type": "end", "ended": "2026-11-22T02:00:00Z", "interrupted": None, "verdict": "pass"},
        {"type": "verdict"},
    ],
)
def test_what_the_program_never_writes_is_invalid(
    line: dict[str, object], validator: jsonschema.Draft202012Validator
) -> None:
    assert not validator.is_valid(line)
