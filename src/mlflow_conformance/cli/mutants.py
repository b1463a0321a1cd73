# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance mutants`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlflow_conformance.cli.options import KeepOption, OutputOption, ProfileOption, ReuseOption
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.tiers import Tier
from mlflow_conformance.core.errors import Unusable

if TYPE_CHECKING:
    from mlflow_conformance.mutants.mutant import Mutant


_OF_A_RUN = ("profile", "tier", "keep", "reuse", "output", "resume")


def mutants(
    given: typer.Context,
    only: Annotated[
        list[str] | None,
        typer.Argument(
            help="Mutants, checks, or families such as TRK; default: all. With --generate: names "
            "of candidates, in which * stands for any text."
        ),
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
    generate: Annotated[
        bool,
        typer.Option(
            "--generate",
            help="Try single changes that are made up from the rendered deployment, in place of "
            "mutants that somebody thought of.",
        ),
    ] = False,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="With --generate: at most so many, drawn by --seed."),
    ] = None,
    seed: Annotated[int, typer.Option(help="With --sample: draws the same ones again.")] = 0,
) -> None:
    """Break the deployment on purpose, and show that the named check notices."""
    if generate:
        _candidates(only or [], profile, tier, keep, reuse, output, resume, show, sample, seed)
        return
    if sample is not None:
        raise Unusable("--sample is about candidates, and mutants are few", remedy="Add --generate")
    from mlflow_conformance.mutants.choosing import chosen
    from mlflow_conformance.mutants.mutant import read_all

    known = catalogue.read(assets.asset("suites"))
    wanted = chosen(read_all(assets.asset("mutants"), known), only or [], known)
    if show:
        _refuse_of_a_run(given)
        _list(wanted.values())
        return
    from mlflow_conformance.run.mutants import run

    raise typer.Exit(
        run(
            wanted,
            profile=profile,
            tier=tier,
            keep=keep or reuse,
            reuse=reuse,
            output=output,
            resumes=resume,
        )
    )


def _refuse_of_a_run(given: typer.Context) -> None:
    """Make sure that nothing is given that a list does not depend on.

    Raises:
        Unusable: something is.
    """
    for name in _OF_A_RUN:
        source = given.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise Unusable(
                f"--list shows mutants of every profile and tier, and --{name} is about a run",
                remedy=f"Leave --{name} out, and name mutants, checks or families to see fewer",
            )


def _list(mutants: "Iterable[Mutant]") -> None:
    """A line for each check that a mutant is to be noticed by, with the observations."""
    for mutant in mutants:
        for check_id in mutant.spec.kills:
            because = ",".join(mutant.spec.reasons(check_id))
            typer.echo(f"{mutant.name:40} {check_id:16} {because:32} {mutant.spec.breaks}")


def _candidates(
    only: list[str],
    profile: str,
    tier: Tier,
    keep: bool,
    reuse: bool,
    output: Path | None,
    resume: bool,
    show: bool,
    sample: int | None,
    seed: int,
) -> None:
    from mlflow_conformance.run.candidates import made_up, run

    found = made_up(profile, tier, only, most=sample, seed=seed)
    if show:
        for candidate in found:
            refused = f"refused: {candidate.refused}" if candidate.refused else ""
            typer.echo(f"{candidate.name:100} {refused or ' '.join(candidate.checks)}")
        return
    raise typer.Exit(
        run(
            found,
            profile=profile,
            tier=tier,
            keep=keep or reuse,
            reuse=reuse,
            output=output,
            resumes=resume,
        )
    )
