# SPDX-License-Identifier: Apache-2.0
"""A pytest run of the suites in this process, with the plugin of this package and no other."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from mlflow_conformance.cluster import engines
from mlflow_conformance.config import assets
from mlflow_conformance.core.errors import Unusable

Option = str | int | bool | Path | Sequence[str] | None


def run_checks(*folders: str, **options: Option) -> int:
    """Run checks; returns the exit code that the evidence gives.

    Args:
        folders: of the suites; all of them when none is named.
        options: of the plugin by their names, with underscores. None and False leave one out, a
            list gives it several times.

    Raises:
        Unusable: the environment would change what is checked, or chooses an engine that is none.
    """
    engines.chosen()
    suites = assets.asset("suites")
    if os.environ.get("PYTEST_ADDOPTS"):
        raise Unusable(
            "PYTEST_ADDOPTS is set and would change which checks run",
            remedy="Unset it, or use pytest itself",
        )
    code = pytest.main(
        [
            *([str(suites / folder) for folder in folders] or [str(suites)]),
            f"--rootdir={assets.root()}",
            f"--confcutdir={assets.root()}",
            "--override-ini=addopts=--import-mode=importlib --strict-markers",
            # Other plugins on the machine could reorder, repeat or skip checks.
            "--disable-plugin-autoload", "-p", "mlflow_conformance.run.plugin",
            "-p", "no:cacheprovider",
            "--no-header", "--tb=no", "-q",
            "--override-ini=console_output_style=classic",  # the plugin tells the progress
            *(word for name, value in options.items() for word in _given(name, value)),
        ]
    )  # fmt: skip
    # pytest's own 4 and 5, for wrong usage and for no tests, are wrong usage here.
    return code if code in (0, 1, 2, 3) else 3


def _given(name: str, value: Option) -> list[str]:
    option = "--" + name.replace("_", "-")
    match value:
        case None | False:
            return []
        case True:
            return [option]
        case str() | int() | Path():
            return [f"{option}={value}"]
        case _:
            return [f"{option}={each}" for each in value]
