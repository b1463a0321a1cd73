# SPDX-License-Identifier: Apache-2.0
"""The scenarios that come with the suite: each is whole, and played by the check that it names."""

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlflow_conformance.config import assets
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.disruption.scenario import find, read
from mlflow_conformance.disruption.thresholds import THRESHOLDS, HeldFaultBounds

SCENARIOS = sorted(p.parent.name for p in assets.asset("scenarios").glob("*/scenario.yaml"))


def _experiment(name: str) -> Any:
    return yaml.safe_load(find(name).experiment.read_text())


def _function(activity: dict[str, Any]) -> object:
    provider = activity["provider"]
    assert provider["arguments"] == {"scene": "${scene}"}
    return getattr(import_module(provider["module"]), provider["func"])


def _played() -> dict[str, str]:
    """The scenarios that the checks play, and by which check."""
    folder = assets.asset("suites") / "disruption"
    trees = [
        ast.parse((folder / name).read_text())
        for name in ("test_faults_of_stores.py", "test_faults.py", "test_nodes.py")
    ]
    found: dict[str, str] = {}
    functions = (n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
    for function in functions:
        (check_id,) = (
            d.args[0].value
            for d in function.decorator_list
            if isinstance(d, ast.Call) and isinstance(d.args[0], ast.Constant)
        )
        for call in (n for n in ast.walk(function) if isinstance(n, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "of":
                (name, _row) = call.args
                assert isinstance(name, ast.Constant)
                found.setdefault(str(name.value), str(check_id))
    return found


def test_every_scenario_is_played_by_the_check_that_it_names() -> None:
    assert _played() == {name: _experiment(name)["tags"][0] for name in SCENARIOS}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_rolls_back_and_looks_before_and_after(name: str) -> None:
    experiment = _experiment(name)
    (state,) = experiment["steady-state-hypothesis"]["probes"]
    (rollback,) = experiment["rollbacks"]
    assert state["provider"]["func"] == "whole"
    assert rollback["provider"]["func"] == "put_back"
    for activity in (state, rollback, *experiment["method"]):
        assert callable(_function(activity))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_fault_that_is_held_has_its_time_in_the_row_and_no_other_has(name: str) -> None:
    experiment = _experiment(name)
    held = any(a.get("pauses") == {"after": "${hold_s}"} for a in experiment["method"])
    (check_id,) = experiment["tags"]
    assert issubclass(THRESHOLDS[check_id], HeldFaultBounds) is held


def test_a_folder_without_an_experiment(tmp_path: Path) -> None:
    source = assets.asset("scenarios/mlflow-crash/scenario.yaml")
    (tmp_path / "scenario.yaml").write_text(source.read_text())
    with pytest.raises(Unusable, match=r"no experiment\.yaml"):
        read(tmp_path)
    with pytest.raises(Unusable, match="mlflow-crash"):
        find("mlflow-crush")
