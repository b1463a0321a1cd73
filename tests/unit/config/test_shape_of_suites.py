# SPDX-License-Identifier: Apache-2.0
"""What holds for every check, read from the source."""

import ast
from collections.abc import Iterator

import shipped
from mlflow_conformance.config import assets
from sources import tree

FILES = sorted(assets.asset("suites").rglob("*.py"))


def unwanted(module: ast.Module) -> Iterator[str]:
    """Where a check asserts, skips, sleeps, or swallows an exception."""
    for node in ast.walk(module):
        match node:
            case ast.Assert():
                yield f"line {node.lineno} asserts"
            case ast.Attribute(attr="skip" | "xfail" | "sleep" as name):
                yield f"line {node.lineno} has {name}"
            case ast.ExceptHandler(body=body) if all(isinstance(s, ast.Pass) for s in body):
                yield f"line {node.lineno} swallows"


def test_no_check_asserts_skips_sleeps_or_swallows() -> None:
    found = {str(path): list(unwanted(tree(path))) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_what_is_unwanted_is_found() -> None:
    source = """
try:
    time.sleep(pytest.skip())
except E:
    pass
assert 1
"""
    assert sorted(unwanted(ast.parse(source))) == [
        "line 3 has skip", "line 3 has sleep", "line 4 swallows", "line 6 asserts",
    ]  # fmt: skip


def test_every_check_says_its_steps() -> None:
    known = shipped.checks().values()
    said = {
        (path, node.name): ast.get_docstring(node) or ""
        for path in {info.path for info in known}
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef)
    }
    assert [i.id for i in known if "Steps:" not in said[i.path, i.function]] == []
