# SPDX-License-Identifier: Apache-2.0
"""One set of family names: who knows the ID of a check knows its four folders."""

import pytest

import shipped
from mlflow_conformance.config.families import FOLDERS, folder_of
from mlflow_conformance.mutants.candidates.judgements import FOLDER as JUDGEMENTS
from repository import ROOT

KNOWN = shipped.checks()
WITH_CHECKS = {folder_of(check_id) for check_id in KNOWN}
PLACES = ("suites", "src/mlflow_conformance", "mutants", "tests/unit")


@pytest.mark.parametrize("place", PLACES)
def test_a_family_with_checks_is_in_every_place(place: str) -> None:
    files = [p for p in (ROOT / place).rglob("*") if p.suffix in (".py", ".yaml")]
    there = {p.relative_to(ROOT / place).parts[0] for p in files}
    assert WITH_CHECKS - there == set()


@pytest.mark.parametrize(("place", "others"), [("suites", set()), ("mutants", {JUDGEMENTS})])
def test_there_is_no_other_folder(place: str, others: set[str]) -> None:
    folders = {p.name for p in (ROOT / place).iterdir() if p.is_dir() and p.name[0] not in "._"}
    assert folders - set(FOLDERS.values()) == others


def test_a_check_is_in_the_folder_of_its_family() -> None:
    assert [i.id for i in KNOWN.values() if i.path.parent.name != folder_of(i.id)] == []
