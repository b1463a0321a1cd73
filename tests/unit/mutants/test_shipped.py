# SPDX-License-Identifier: Apache-2.0
"""Every check that comes with the suite is in a profile and has a mutant that must kill it."""

from functools import cache
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

import shipped
from mlflow_conformance.config import assets
from mlflow_conformance.config.placeholders import filled as filled_in
from mlflow_conformance.config.placeholders import placeholders
from mlflow_conformance.network_policy.matrix import Source
from observation_ids import reached

KNOWN = shipped.checks()
PROFILES = [shipped.profile(name) for name in shipped.PROFILES]
PROFILE = shipped.profile("k3d")
MUTANTS = shipped.mutants()


@pytest.mark.parametrize("check_id", KNOWN)
def test_every_check_has_a_row(check_id: str) -> None:
    assert any(check_id in profile.checks for profile in PROFILES)


# What no healthy target passes today has nothing that a mutant could break: its waiver says why,
# and when it ends the check is here again.
WAIVED = {waiver.id for waiver in PROFILE.waivers}


@pytest.mark.parametrize("check_id", sorted(set(KNOWN) - WAIVED))
def test_every_check_has_a_mutant(check_id: str) -> None:
    assert [name for name, mutant in MUTANTS.items() if check_id in mutant.spec.kills]


def test_names_of_changed_objects_are_those_of_the_profile() -> None:
    words = placeholders(PROFILE.names)
    names = {
        mutant.name: [filled_in(c.model_dump(), words)["name"] for c in mutant.spec.by.objects]
        for mutant in MUTANTS.values()
    }
    assert {mutant: named for mutant, named in names.items() if "{" in "".join(named)} == {}


def test_sources_of_the_matrix_differ() -> None:
    """Two sources alike would test one thing twice and hide that another is missing."""
    rows = PROFILE.checks["NET-1"].thresholds["sources"]
    sources = TypeAdapter(dict[str, Source]).validate_python(rows)
    alike = [s.model_dump_json(exclude={"reaches"}) for s in sources.values()]
    assert len(set(alike)) == len(alike)


def test_no_mutant_file_is_left_alone() -> None:
    folder = assets.asset("mutants")
    assert {p.name for p in folder.glob("*/*") if p.is_dir()} == set(MUTANTS)


def test_the_reason_of_a_kill_is_an_observation_that_its_check_may_make() -> None:
    never = {
        (mutant.name, check_id): set(mutant.spec.reasons(check_id)) - observed_by(check_id)
        for mutant in MUTANTS.values()
        for check_id in mutant.spec.kills
    }
    assert {kill: reasons for kill, reasons in never.items() if reasons} == {}


UNSHOWN: dict[str, list[str]] = yaml.safe_load(
    Path(__file__).with_name("unshown.yaml").read_text("utf-8")
)


@pytest.mark.parametrize("check_id", KNOWN)
def test_every_observation_has_a_mutant_that_must_break_it(check_id: str) -> None:
    """A bound that nothing was seen to break may be one that cannot.

    What is left from before this was asked is in ``unshown.yaml``, from which lines only go.
    """
    shown = {i for m in MUTANTS.values() if check_id in m.spec.kills
             for i in m.spec.reasons(check_id)}  # fmt: skip
    assert sorted(observed_by(check_id) - shown) == UNSHOWN.get(check_id, [])


def test_what_is_left_is_about_checks_that_there_are() -> None:
    assert set(UNSHOWN) <= set(KNOWN)


@cache
def observed_by(check_id: str) -> set[str]:
    """The IDs of all that a check may hold against a bound."""
    info = KNOWN[check_id]
    return {i for e in reached(info.path, info.function) for i in e.ids}
