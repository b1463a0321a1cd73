# SPDX-License-Identifier: Apache-2.0
"""One set of family names: who knows the ID of a check knows its four folders."""

from pathlib import Path

import pytest

import shipped
from mlflow_conformance.config import catalogue
from mlflow_conformance.config.families import FOLDERS, folder_of
from mlflow_conformance.mutants.candidates.judgements import FOLDER as JUDGEMENTS
from repository import ROOT

KNOWN = shipped.checks()
MUTANTS = shipped.mutants()
WITH_CHECKS = sorted({folder_of(check_id) for check_id in KNOWN})
PLACES = ("suites", "src/mlflow_conformance", "mutants", "tests/unit")


@pytest.mark.parametrize("family", WITH_CHECKS)
@pytest.mark.parametrize("place", PLACES)
def test_a_family_with_checks_is_in_every_place(place: str, family: str) -> None:
    files = [p for p in (ROOT / place / family).rglob("*") if p.suffix in (".py", ".yaml")]
    assert files


@pytest.mark.parametrize(("place", "others"), [("suites", set()), ("mutants", {JUDGEMENTS})])
def test_there_is_no_other_folder(place: str, others: set[str]) -> None:
    folders = {p.name for p in (ROOT / place).iterdir() if p.is_dir() and p.name[0] not in "._"}
    assert folders - set(FOLDERS.values()) == others


@pytest.mark.parametrize("info", KNOWN.values(), ids=lambda i: i.id)
def test_a_check_is_in_the_folder_of_its_family(info: catalogue.CheckInfo) -> None:
    assert info.path.parent.name == folder_of(info.id)


def test_a_mutant_is_in_the_folder_of_its_checks() -> None:
    for name, mutant in MUTANTS.items():
        folders = {folder_of(check_id) for check_id in mutant.spec.kills}
        assert folders == {_folder(name).name}, name


def _folder(name: str) -> Path:
    [found] = (ROOT / "mutants").glob(f"*/{name}")
    return found.parent
