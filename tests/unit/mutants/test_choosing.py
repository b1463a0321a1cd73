# SPDX-License-Identifier: Apache-2.0
"""Mutants are chosen by their names, their checks, and what is deployed."""

import pytest

from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.mutants.choosing import breaks, chosen
from mlflow_conformance.mutants.mutant import By, Mutant, MutantSpec


def mutant(name: str, *kills: str) -> Mutant:
    by = By.model_validate({"proxy": {"rule": "lie"}})
    return Mutant(name, MutantSpec(breaks="something", kills=list(kills), because="one", by=by))


MUTANTS = {m.name: m for m in (mutant("a", "X-1"), mutant("b", "X-1", "X-2"), mutant("c", "X-3"))}


@pytest.mark.parametrize(
    ("only", "found"),
    [
        ([], "a: X-1; b: X-1 X-2; c: X-3"),
        (["b"], "b: X-1 X-2"),
        (["X-1"], "a: X-1; b: X-1"),
        (["X-2", "c"], "b: X-2; c: X-3"),
        (["X-2", "b"], "b: X-1 X-2"),
        (["c", "X-3"], "c: X-3"),
        (["X"], "a: X-1; b: X-1 X-2; c: X-3"),
    ],
)
def test_mutants_are_chosen_by_name_or_by_check(only: list[str], found: str) -> None:
    found_here = chosen(MUTANTS, only, {"X-1": 0})
    assert "; ".join(f"{name}: {' '.join(m.spec.kills)}" for name, m in found_here.items()) == found


def test_a_word_that_names_nothing_is_refused() -> None:
    with pytest.raises(Unusable, match=r"There is no mutant 'X-4', nor a check .*, did you mean"):
        chosen(MUTANTS, ["X-4"], {"X-1": 0, "X-3": 0})


CHART = HelmDeployment(kind="helm", chart="deployment/k3d/mlflow", release="mlflow")
OVERLAY = KustomizeDeployment(kind="kustomize", path="deployment/eks/overlays/kind")


@pytest.mark.parametrize(
    ("path", "chart", "overlay"),
    [
        ("k3d/mlflow/values.yaml", True, False),
        ("eks/base/jobs.yaml", False, True),
        ("kind/monitoring/alertmanager.yaml", True, True),
    ],
)
def test_a_mutant_of_files_is_about_the_deployment_that_has_them(
    path: str, chart: bool, overlay: bool
) -> None:
    by = By.model_validate({"files": [{"path": path, "find": "a", "put": "b"}]})
    spec = MutantSpec(breaks="something", kills=["X-1"], because="one", by=by)
    assert breaks(spec, CHART) is chart
    assert breaks(spec, OVERLAY) is overlay
    assert breaks(spec, None)
    assert breaks(mutant("a", "X-1").spec, OVERLAY)
