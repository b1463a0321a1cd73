# SPDX-License-Identifier: Apache-2.0
"""Mutants make programs of the workflows' and guides' programs: one that does not start shows
nothing."""

import ast

import pytest
import yaml

import shipped
from mlflow_conformance.config import assets
from mlflow_conformance.config.guides import FILE, Guide
from mlflow_conformance.mutants.files import once

FOLDERS = ("kind/workflows/", "kind/serving/", "kind/program/", f"k3d/{FILE}")
MUTANTS = {
    name: mutant
    for name, mutant in shipped.mutants().items()
    if any(change.path.startswith(FOLDERS) for change in mutant.spec.by.files)
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_changed_file_can_still_be_read(name: str) -> None:
    texts: dict[str, str] = {}
    for change in MUTANTS[name].spec.by.files:
        before = texts.get(change.path)
        if before is None:
            before = assets.asset(f"deployment/{change.path}").read_text(encoding="utf-8")
        texts[change.path] = once(before, change, change.path)
    for path, text in texts.items():
        if path.endswith(".py"):
            ast.parse(text)
        elif path.endswith(FILE):
            for command in Guide.model_validate(yaml.safe_load(text)).run_by("INT-3").values():
                if command.program == "python":
                    ast.parse(command.line)
        else:
            assert list(yaml.safe_load_all(text))
