# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance checks`."""

import typer

from mlflow_conformance.config import assets, catalogue


def checks() -> None:
    """List every check that exists."""
    for info in catalogue.read(assets.asset("suites")).values():
        mark = "!" if info.disruptive else " "
        typer.echo(f"{info.id:16} {mark} {info.title}")
    typer.echo("\n! disturbs the deployment: on an attached cluster only with --allow-disruption")
