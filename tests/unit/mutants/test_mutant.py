# SPDX-License-Identifier: Apache-2.0
"""Mutants: read strictly, and with the profile's own names."""

from typing import Any

import pytest

from mlflow_conformance.config.names import MlflowNames, Names, RunnerNames
from mlflow_conformance.config.placeholders import filled, placeholders
from mlflow_conformance.mutants.mutant import By, Mutant, MutantSpec

NAMES = Names(
    namespace="ml",
    mlflow=MlflowNames(deployment="server", service="mlflow", selector={"a": "b"}, pdb="budget"),
    runner=RunnerNames(image="i"),
)


def spec(because: object, kills: tuple[str, ...] = ("A-1", "A-2")) -> MutantSpec:
    by = {"proxy": {"rule": "r"}}
    return MutantSpec.model_validate(
        {"breaks": "something", "kills": kills, "because": because, "by": by}
    )


def test_a_reason_is_one_observation_or_several_for_all_checks_or_by_check() -> None:
    assert spec("one").reasons("A-2") == ["one"]
    assert spec(["one", "two"]).reasons("A-2") == ["one", "two"]
    by_check = spec({"A-1": "one", "A-2": ["one", "two"]})
    assert (by_check.reasons("A-1"), by_check.reasons("A-2")) == (["one"], ["one", "two"])
    alone = Mutant("m", by_check).about(["A-2"])
    assert alone.spec.because == {"A-2": ["one", "two"]}


@pytest.mark.parametrize("because", [[], "", {"A-1": "one", "A-2": []}, {"A-1": "one"}])
def test_a_mutant_without_a_reason_is_refused(because: object) -> None:
    with pytest.raises(ValueError, match="because"):
        spec(because)


def test_names_in_braces_stand_for_the_profiles() -> None:
    words = placeholders(NAMES)
    value = {"{deployment}": ["{pdb} of {namespace}", 1, None, "{unknown} ${x} {{service}}"]}
    assert filled(value, words) == {"server": ["budget of ml", 1, None, "{unknown} ${x} {mlflow}"]}


def test_a_name_that_the_profile_lacks_stays_as_it_is() -> None:
    assert filled("{hpa}", placeholders(NAMES)) == "{hpa}"


@pytest.mark.parametrize(
    "by",
    [
        {},
        {"objects": []},
        {"objects": [{}], "proxy": {"rule": "r"}},
        {"proxy": {"rule": "r"}, "files": [{"path": "p", "find": "f", "put": ""}]},
    ],
)
def test_a_mutant_does_exactly_one_thing(by: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        By.model_validate(by)
