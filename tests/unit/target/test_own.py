# SPDX-License-Identifier: Apache-2.0
"""Lines of a profile run on what is its own, and nowhere else."""

import ast
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

import pytest

import shipped
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config import assets
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.run.fixtures import deployment
from mlflow_conformance.target.base import Target
from sources import tree

RUN_LINES = {"deployment", "guide", "prompt", "workshop", "workshop_of_all", "documented", "bench"}
RUN_LINES |= {"rehearsal", "restored"}
"""Fixtures with which lines of a profile or its guide are run, or something is installed."""


class _Kube:
    context = "prod"


def target(*, own: bool) -> Target:
    return Target(
        kind="context", names=cast(Names, None), inside=cast(Inside, None), service_url="",
        replica_urls=list, made_here=False, disruption_allowed=True, own=own,
        kube=cast(Kube, _Kube()),
    )  # fmt: skip


def test_what_is_not_the_profiles_own_is_told_by_its_context() -> None:
    with pytest.raises(Undecided, match="list the context 'prod' in its `contexts`"):
        target(own=False).need_own()
    assert target(own=True).need_own().context == "prod"
    with pytest.raises(Undecided, match="not in a Kubernetes cluster"):
        replace(target(own=True), kube=None).need_own()


@cache
def _functions(path: Path) -> dict[str, ast.FunctionDef]:
    return {n.name: n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef)}


def _arguments(function: ast.FunctionDef) -> set[str]:
    return {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}


def test_every_check_that_runs_lines_is_disruptive() -> None:
    known = shipped.checks()
    runs = {
        info.id
        for info in known.values()
        if _arguments(_functions(info.path)[info.function]) & RUN_LINES
    }
    assert {"OPS-2", "OPS-5", "SEC-3.refused", "TRK-8.snippets", "HPA-6", "BKP-5"} <= runs
    assert {i for i in runs if not known[i].disruptive} == set()


def test_whoever_runs_lines_asks_first_whether_the_deployment_is_its_own() -> None:
    files = [assets.asset("suites") / f / "conftest.py" for f in ("security", "backup_restore")]
    fixtures = {
        name: function
        for path in (Path(deployment.__file__), *files)
        for name, function in _functions(path).items()
    }
    for name in RUN_LINES:
        function = fixtures[name]
        asks = "need_own" in ast.unparse(function)
        assert asks or _arguments(function) & RUN_LINES, name
