# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance report`."""

import shutil
from pathlib import Path
from typing import Annotated

import typer


def report(
    evidence: Annotated[Path, typer.Argument(help="A run's folder, or its evidence.jsonl.")],
) -> None:
    """Write the reports of a run, or of an upgrade, again, from the evidence alone."""
    from mlflow_conformance.report import write_all
    from mlflow_conformance.report.terminal import render
    from mlflow_conformance.report.upgrade import files, telling

    folder = evidence if evidence.is_dir() else evidence.parent
    if files.is_upgrade(folder):
        decided = files.write_all(folder)
        typer.echo(telling.terminal(decided))
        raise typer.Exit(decided.exit_code)
    verdict = write_all(evidence / "evidence.jsonl" if evidence.is_dir() else evidence)
    typer.echo(render(verdict, width=shutil.get_terminal_size().columns))
    raise typer.Exit(verdict.exit_code)
