# SPDX-License-Identifier: Apache-2.0
"""verdict.json says what a program needs, stays small, and is what its schema says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.report import verdict_document
from mlflow_conformance.report.schema import PATH, generated
from repository import RECORDS

LOGS = sorted(RECORDS.glob("*.jsonl"))


def rendered(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(verdict_document.render(recorded(RECORDS / f"{name}.jsonl")))
    return told


def test_the_schema_is_in_step_with_the_model() -> None:
    assert PATH.read_text("utf-8") == generated(), (
        "run python -m mlflow_conformance.report.schema and commit the file"
    )


@pytest.mark.parametrize("path", LOGS, ids=lambda p: p.stem)
def test_every_run_fits_the_schema(path: Path) -> None:
    schema = json.loads(PATH.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(rendered(path.stem))


@pytest.mark.parametrize(
    ("name", "verdict", "code"),
    [("healthy", "pass", 0), ("mixed", "fail", 1), ("crashed", "unknown", 2)],
)
def test_the_verdict_is_that_of_the_run(name: str, verdict: str, code: int) -> None:
    told = rendered(name)
    assert (told["verdict"], told["exit_code"]) == (verdict, code)
    counts = told["counts"]
    assert counts.keys() == {"passed", "failed", "unknown", "waived", "left_out", "not_run"}
    assert sum(counts.values()) - counts["left_out"] - counts["not_run"] == len(told["checks"])
    assert (counts["left_out"], counts["not_run"]) == (1, 1)
    assert (told["ended"] is None) == (name == "crashed")


def test_the_base_is_told() -> None:
    assert rendered("healthy")["base"] is None
    assert rendered("mixed")["base"] == {
        "name": "production",
        "removed": [{"id": "BKP-1", "reason": "Backups are those of the managed PostgreSQL"}],
        "changed": ["HPA-1"],
    }


def test_a_check_says_what_broke_and_what_excuses_it() -> None:
    checks = {c["id"]: c for c in rendered("mixed")["checks"]}
    assert checks["DIS-1"]["broken"] == [
        {
            "id": "time-until-ready-again",
            "outcome": "broken",
            "count": 1,
            "sentences": ["time until Ready again: 97.4 s, promised ≤ 60 s"],
        }
    ]
    assert checks["REG-1"]["waiver"]["expires"] == "2026-12-31"
    assert (checks["REG-1"]["verdict"], checks["REG-1"]["unwaived"]) == ("waived", "fail")
    assert checks["ART-7"]["started"] is None


def test_many_alike_are_told_once() -> None:
    for check in rendered("hundred")["checks"]:
        assert len({(b["id"], b["outcome"]) for b in check["broken"]}) == len(check["broken"])
        assert all(len(b["sentences"]) <= 3 for b in check["broken"])


def test_mutants_are_told_with_their_reason() -> None:
    told = {m["mutant"]: m["killed"] for m in rendered("mixed")["mutants"]}
    assert told["no-pdb"] is False
    assert sum(told.values()) == 5


@pytest.mark.parametrize("path", LOGS, ids=lambda p: p.stem)
def test_it_is_small(path: Path) -> None:
    assert len(verdict_document.render(recorded(path)).encode()) < 100_000
