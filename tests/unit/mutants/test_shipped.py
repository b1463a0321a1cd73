# SPDX-License-Identifier: Apache-2.0
"""Every check that comes with the suite is in a profile and has a mutant that must kill it."""

from datetime import date
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.families import FOLDERS, folder_of
from mlflow_conformance.config.placeholders import filled as filled_in
from mlflow_conformance.config.placeholders import placeholders
from mlflow_conformance.mutants import mutant as mutation
from mlflow_conformance.network_policy.matrix import Source
from mlflow_conformance.run.known import promised
from observation_ids import expectations, reached
from repository import ROOT

KNOWN = catalogue.read(assets.asset("suites"))
PROFILES = [promised(name, KNOWN, today=date(2026, 1, 1)).profile for name in ("k3d", "eks")]
PROFILE = PROFILES[0]
MUTANTS = mutation.read_all(assets.asset("mutants"), KNOWN)


@pytest.mark.parametrize("check_id", KNOWN)
def test_every_check_has_a_row(check_id: str) -> None:
    assert any(check_id in profile.checks for profile in PROFILES)


# What no healthy target passes today has nothing that a mutant could break: its waiver says why,
# and when it ends the check is here again.
WAIVED = {waiver.id for waiver in PROFILE.waivers}


@pytest.mark.parametrize("check_id", sorted(set(KNOWN) - WAIVED))
def test_every_check_has_a_mutant(check_id: str) -> None:
    assert [name for name, mutant in MUTANTS.items() if check_id in mutant.spec.kills]


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=lambda m: m.name)
def test_names_of_changed_objects_are_those_of_the_profile(mutant: mutation.Mutant) -> None:
    words = placeholders(PROFILE.names)
    changes = [filled_in(c.model_dump(), words) for c in mutant.spec.by.objects]
    assert "{" not in "".join(c["name"] for c in changes)


def test_sources_of_the_matrix_differ() -> None:
    """Two sources alike would test one thing twice and hide that another is missing."""
    rows = PROFILE.checks["NET-1"].thresholds["sources"]
    sources = TypeAdapter(dict[str, Source]).validate_python(rows)
    alike = [s.model_dump_json(exclude={"reaches"}) for s in sources.values()]
    assert len(set(alike)) == len(alike)


def test_no_mutant_file_is_left_alone() -> None:
    folder = assets.asset("mutants")
    assert {p.name for p in folder.glob("*/*") if p.is_dir()} == set(MUTANTS)
    for path in folder.glob("*/*/mutant.yaml"):
        assert isinstance(yaml.safe_load(Path(path).read_text()), dict)


SHARED = [
    path
    for path in sorted((ROOT / "src" / "mlflow_conformance").rglob("*.py"))
    if ".expect(" in path.read_text("utf-8")
]


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=lambda m: m.name)
def test_the_reason_of_a_kill_is_an_observation_that_its_check_may_make(
    mutant: mutation.Mutant,
) -> None:
    for check_id in mutant.spec.kills:
        info = KNOWN[check_id]
        others = set(FOLDERS.values()) - {folder_of(check_id)}
        calls = reached(info.path, info.function)
        calls += [e for p in SHARED if others.isdisjoint(p.parts) for e in expectations(p)]
        known = {i for e in calls for i in e.ids}
        assert set(mutant.spec.reasons(check_id)) <= known, check_id
