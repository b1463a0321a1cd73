# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance report`."""

import shutil
from pathlib import Path
from typing import Annotated

import typer


def report(
    evidence: Annotated[Path, typer.Argument(help="A run's folder, or its evidence.jsonl.")],
) -> None:
    """Write the reports of a run again, from its evidence alone."""
    from mlflow_conformance.report import write_all
    from mlflow_conformance.report.terminal import render

    verdict = write_all(evidence / "evidence.jsonl" if evidence.is_dir() else evidence)
    typer.echo(render(verdict, width=shutil.get_terminal_size().columns))
    raise typer.Exit(verdict.exit_code)
