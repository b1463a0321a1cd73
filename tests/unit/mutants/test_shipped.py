# SPDX-License-Identifier: Apache-2.0
"""Every check that comes with the suite is in a profile and has a mutant that must kill it."""

from functools import cache

from pydantic import TypeAdapter

import shipped
from mlflow_conformance.config import assets
from mlflow_conformance.config.families import folder_of
from mlflow_conformance.config.placeholders import filled as filled_in
from mlflow_conformance.config.placeholders import placeholders
from mlflow_conformance.config.profile import Profile
from mlflow_conformance.disruption.thresholds import THRESHOLDS as DISRUPTION
from mlflow_conformance.disruption.thresholds import FaultBounds
from mlflow_conformance.mutants.lies import lie_of
from mlflow_conformance.mutants.scripts import applied
from mlflow_conformance.network_policy.matrix import Source
from observation_ids import reached

KNOWN = shipped.checks()


def profiles() -> list[Profile]:
    return [shipped.profile(name) for name in shipped.PROFILES]


def test_every_check_has_a_row() -> None:
    rows = {check_id for profile in profiles() for check_id in profile.checks}
    assert set(KNOWN) - rows == set()


def test_every_check_has_a_mutant() -> None:
    # What no healthy target passes today has nothing that a mutant could break: its waiver says
    # why, and when it ends the check is here again.
    waived = {waiver.id for waiver in shipped.profile("k3d").waivers}
    killed = {check_id for mutant in shipped.mutants().values() for check_id in mutant.spec.kills}
    assert set(KNOWN) - waived - killed == set()


def test_every_lie_can_be_told() -> None:
    lies = [m.spec.by.proxy for m in shipped.mutants().values() if m.spec.by.proxy is not None]
    assert lies
    for lie in lies:
        lie_of(lie.rule, lie.parameters)


def test_names_of_changed_objects_are_those_of_the_profile() -> None:
    words = placeholders(shipped.profile("k3d").names) | {
        "postgresql volume": "known to the cluster alone"
    }
    names = {
        mutant.name: [filled_in(c.model_dump(), words)["name"] for c in mutant.spec.by.objects]
        for mutant in shipped.mutants().values()
    }
    assert {mutant: named for mutant, named in names.items() if "{" in "".join(named)} == {}


def test_sources_of_the_matrix_differ() -> None:
    """Two sources alike would test one thing twice and hide that another is missing."""
    rows = shipped.profile("k3d").checks["NET-1"].thresholds["sources"]
    sources = TypeAdapter(dict[str, Source]).validate_python(rows)
    alike = [s.model_dump_json(exclude={"reaches"}) for s in sources.values()]
    assert len(set(alike)) == len(alike)


def test_no_mutant_file_is_left_alone() -> None:
    folder = assets.asset("mutants")
    assert {p.name for p in folder.glob("*/*") if p.is_dir()} == set(shipped.mutants())


def test_a_mutant_is_in_the_folder_of_its_checks() -> None:
    files = assets.asset("mutants").glob("*/*/mutant.yaml")
    folders = {path.parent.name: path.parent.parent.name for path in files}
    for name, mutant in shipped.mutants().items():
        assert {folder_of(check_id) for check_id in mutant.spec.kills} == {folders[name]}, name


def test_rewritten_scripts_are_still_python() -> None:
    folder = assets.asset("deployment/k3d/mlflow/files")
    scripts = {path.name: path.read_text() for path in folder.glob("*.py")}
    rewriting = {n: m.spec.by.scripts for n, m in shipped.mutants().items() if m.spec.by.scripts}
    assert len(rewriting) > 30
    for name, changes in rewriting.items():
        changed = applied(scripts, changes)
        assert changed, name
        for file, text in changed.items():
            compile(text, f"{name}: {file}", "exec")
            assert text != scripts[file], name


def test_the_reason_of_a_kill_is_an_observation_that_its_check_may_make() -> None:
    never = {
        (mutant.name, check_id): set(mutant.spec.reasons(check_id)) - observed_by(check_id)
        for mutant in shipped.mutants().values()
        for check_id in mutant.spec.kills
    }
    assert {kill: reasons for kill, reasons in never.items() if reasons} == {}


def test_every_observation_has_a_mutant_that_must_break_it() -> None:
    """A bound that nothing was seen to break may be one that cannot."""
    shown: dict[str, set[str]] = {check_id: set() for check_id in KNOWN}
    for mutant in shipped.mutants().values():
        for check_id in mutant.spec.kills:
            shown[check_id] |= set(mutant.spec.reasons(check_id))
    unshown = {check_id: observed_by(check_id) - shown[check_id] for check_id in KNOWN}
    assert {check_id: ids for check_id, ids in unshown.items() if ids} == {}


@cache
def observed_by(check_id: str) -> set[str]:
    """The IDs of all that a check may hold against a bound, with the rows of these profiles."""
    info = KNOWN[check_id]
    return {i for e in reached(info.path, info.function) for i in e.ids} - left_out(check_id)


def left_out(check_id: str) -> set[str]:
    """What every profile's row leaves without a bound."""
    if check_id == "SEC-2":
        listed = any(p.checks[check_id].thresholds["accounts"] for p in profiles())
        return set() if listed else {"rules.missing"}
    if check_id == "BKP-1":
        nights = [p.checks[check_id].thresholds["newest_within_s"] for p in profiles()]
        # No night has passed on a cluster of our own.
        return {"newest.job", "newest.backup"} if set(nights) == {None} else set()
    model = DISRUPTION.get(check_id)
    if model is None or not issubclass(model, FaultBounds):
        return set()
    rows = [
        model.model_validate(dict(profile.checks[check_id].thresholds))
        for profile in profiles()
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
