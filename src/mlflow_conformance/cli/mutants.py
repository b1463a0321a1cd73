# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance mutants`."""

from typing import Annotated

import typer

from mlflow_conformance.cli.options import KeepOption, OutputOption, ProfileOption, ReuseOption
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.tiers import Tier


def mutants(
    only: Annotated[
        list[str] | None,
        typer.Argument(help="Mutants, checks, or families such as TRK; default: all."),
    ] = None,
    profile: ProfileOption = "k3d",
    tier: Annotated[Tier, typer.Option(help="Which checks.")] = "gate",
    keep: KeepOption = False,
    reuse: ReuseOption = False,
    output: OutputOption = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the interrupted run in --output."),
    ] = False,
    show: Annotated[bool, typer.Option("--list", help="List them and stop.")] = False,
) -> None:
    """Break the deployment on purpose, and show that the named check notices."""
    from mlflow_conformance.mutants.mutant import read_all

    known = catalogue.read(assets.asset("suites"))
    found = read_all(assets.asset("mutants"), known)
    if show:
        for mutant in found.values():
            typer.echo(f"{mutant.name:40} {', '.join(mutant.spec.kills):16} {mutant.spec.breaks}")
        return
    from mlflow_conformance.mutants.choosing import chosen
    from mlflow_conformance.run.mutants import run

    raise typer.Exit(
        run(
            chosen(found, only or [], known),
            profile=profile,
            tier=tier,
            keep=keep or reuse,
            reuse=reuse,
            output=output,
            resumes=resume,
        )
    )
