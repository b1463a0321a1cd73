# SPDX-License-Identifier: Apache-2.0
"""Every check that comes with the suite is in a profile and has a mutant that must kill it."""

from functools import cache

import pytest
from pydantic import TypeAdapter

import shipped
from mlflow_conformance.config import assets
from mlflow_conformance.config.placeholders import filled as filled_in
from mlflow_conformance.config.placeholders import placeholders
from mlflow_conformance.disruption.thresholds import THRESHOLDS as DISRUPTION
from mlflow_conformance.disruption.thresholds import FaultBounds
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
    words = placeholders(PROFILE.names) | {"postgresql volume": "known to the cluster alone"}
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


@pytest.mark.parametrize("check_id", KNOWN)
def test_every_observation_has_a_mutant_that_must_break_it(check_id: str) -> None:
    """A bound that nothing was seen to break may be one that cannot."""
    shown = {i for m in MUTANTS.values() if check_id in m.spec.kills
             for i in m.spec.reasons(check_id)}  # fmt: skip
    assert observed_by(check_id) <= shown


@cache
def observed_by(check_id: str) -> set[str]:
    """The IDs of all that a check may hold against a bound, with the rows of these profiles."""
    info = KNOWN[check_id]
    return {i for e in reached(info.path, info.function) for i in e.ids} - left_out(check_id)


def left_out(check_id: str) -> set[str]:
    """What every profile's row leaves without a bound."""
    if check_id == "SEC-2":
        listed = any(p.checks[check_id].thresholds["accounts"] for p in PROFILES)
        return set() if listed else {"rules.missing"}
    if check_id == "BKP-1":
        nights = [p.checks[check_id].thresholds["newest_within_s"] for p in PROFILES]
        # No night has passed on a cluster of our own.
        return {"newest.job", "newest.backup"} if set(nights) == {None} else set()
    model = DISRUPTION.get(check_id)
    if model is None or not issubclass(model, FaultBounds):
        return set()
    rows = [
        model.model_validate(dict(profile.checks[check_id].thresholds))
        for profile in PROFILES
        if check_id in profile.checks
    ]
    return set.intersection(*map(unbounded, rows))


def unbounded(row: FaultBounds) -> set[str]:
    """The observations for which a row of a fault says null."""
    writes = (row.record_writes, row.artifact_writes)
    bounds: dict[str, list[object]] = {
        "silence": [row.outage_s],
        "failing": [row.failing_s],
        "failed": [row.failed],
        "failure-kinds": [row.failures],
        "statuses": [row.statuses],
        "writes.failing": [of.failing_s for of in writes],
        "writes.failed": [of.failed for of in writes],
        "writes.statuses": [of.statuses for of in writes],
    }
    return {i for i, values in bounds.items() if all(value is None for value in values)}
