# SPDX-License-Identifier: Apache-2.0
"""One word, one meaning: a class's name says which class is meant, wherever it is read."""

import ast

from repository import ROOT
from sources import tree


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                places.setdefault(node.name, []).append(where)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
