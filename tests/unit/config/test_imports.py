# SPDX-License-Identifier: Apache-2.0
"""Imports are where `lint-imports` and readers see them: at the top of a module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlflow_conformance.config import assets
from sources import tree

PACKAGE = Path(assets.__file__).resolve().parents[1]
SUITES = assets.asset("suites")
COMMANDS = ("cli",)
"""A sub-command loads what it needs when it is given, so that `--help` answers at once."""
FILES = {
    f"{root.name}/{path.relative_to(root)}": path
    for root in (PACKAGE, SUITES)
    for path in sorted(root.rglob("*.py"))
    if path.relative_to(root).parts[0] not in (*COMMANDS, "_assets")
}


def hidden(module: ast.Module) -> Iterator[str]:
    """First-party imports that are not plain statements of the module itself."""
    plain = {id(node) for node in module.body}
    for node in ast.walk(module):
        if id(node) in plain:
            continue
        if isinstance(node, ast.ImportFrom) and (node.level or _ours(node.module or "")):
            yield f"line {node.lineno}: {'.' * node.level}{node.module or ''}"
        elif isinstance(node, ast.Import):
            yield from (f"line {node.lineno}: {a.name}" for a in node.names if _ours(a.name))


def _ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] == PACKAGE.name


def test_no_import_hides_from_the_layers() -> None:
    found = {name: list(hidden(tree(path))) for name, path in FILES.items()}
    assert {name: imports for name, imports in found.items() if imports} == {}


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    from mlflow_conformance.core import waits",
        "def f():\n    import mlflow_conformance.core.waits",
        "def f():\n    from . import waits",
        "if TYPE_CHECKING:\n    from mlflow_conformance.core import waits",
    ],
)
def test_it_finds_them(source: str) -> None:
    assert len(list(hidden(ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from mlflow_conformance.core import waits",
        "def f():\n    import kubernetes",
        "if TYPE_CHECKING:\n    from kubernetes.client import ApiClient",
    ],
)
def test_it_leaves_others_alone(source: str) -> None:
    assert list(hidden(ast.parse(source))) == []
