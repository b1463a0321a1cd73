# SPDX-License-Identifier: Apache-2.0
"""What holds for every check of tracking, registry and artifacts, read from the source."""

import ast
from pathlib import Path

import pytest

import shipped
from mlflow_conformance.config import assets
from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.mutants.lies import lie_of

SUITES = assets.asset("suites")
FILES = [
    p for s in ("tracking", "registry", "artifacts") for p in sorted((SUITES / s).glob("*.py"))
]
FAMILIES = ("TRK", "REG", "ART")
KNOWN = shipped.checks()
OURS = sorted(i for i in KNOWN if prefix_of(i) in FAMILIES)
PROFILES = [shipped.profile(name) for name in shipped.PROFILES]
MUTANTS = shipped.mutants()


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_no_check_asserts_skips_sleeps_or_swallows(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Assert), f"{path}:{node.lineno} asserts"
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("skip", "xfail", "sleep"), f"{path}:{node.lineno}"
        if isinstance(node, ast.ExceptHandler):
            assert not all(isinstance(s, ast.Pass) for s in node.body), f"{path}:{node.lineno}"


@pytest.mark.parametrize("check_id", OURS)
def test_every_check_says_its_steps(check_id: str) -> None:
    info = KNOWN[check_id]
    tree = ast.parse(info.path.read_text())
    (function,) = (
        n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == info.function
    )
    assert "Steps:" in (ast.get_docstring(function) or "")


@pytest.mark.parametrize("check_id", OURS)
def test_a_profile_expects_every_check_and_a_mutant_kills_it(check_id: str) -> None:
    assert any(check_id in profile.checks for profile in PROFILES)
    waived = {w.id for profile in PROFILES for w in profile.waivers}
    killers = [name for name, m in MUTANTS.items() if check_id in m.spec.kills]
    assert killers or check_id in waived, "a check that no mutant kills is not done"


@pytest.mark.parametrize(
    "name", sorted(n for n, m in MUTANTS.items() if m.spec.by.proxy is not None)
)
def test_every_lie_can_be_told(name: str) -> None:
    rule = MUTANTS[name].spec.by.proxy
    assert rule is not None
    lie_of(rule.rule, rule.parameters)
