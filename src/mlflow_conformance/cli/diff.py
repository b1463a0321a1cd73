# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance diff`."""

import shutil
from pathlib import Path
from typing import Annotated

import typer


def diff(
    before: Annotated[Path, typer.Argument(help="The earlier run: its folder, or its log.")],
    after: Annotated[Path, typer.Argument(help="The later run: its folder, or its log.")],
    values: Annotated[
        bool, typer.Option("--values", help="Also what was measured otherwise, and no more.")
    ] = False,
    json: Annotated[
        Path | None, typer.Option(help="Write the difference to this file too.")
    ] = None,
) -> None:
    """Say what is new, gone and changed between two runs; 1 when a verdict got worse."""
    from mlflow_conformance.evidence.difference import difference
    from mlflow_conformance.evidence.recorded import recorded
    from mlflow_conformance.report.difference import render, write

    found = difference(recorded(before), recorded(after), values=values)
    typer.echo(render(found, width=shutil.get_terminal_size().columns))
    if json is not None:
        write(found, json)
    raise typer.Exit(int(found.worse))
