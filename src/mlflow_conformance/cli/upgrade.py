# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance upgrade`."""

from pathlib import Path
from typing import Annotated

import typer

from mlflow_conformance.cli.options import (
    ContextOption,
    KeepOption,
    KubeconfigOption,
    NamespaceOption,
    OutputOption,
    ProfileOption,
    ReuseOption,
    SeedOption,
)
from mlflow_conformance.config.manners import Manner


def upgrade(
    profile: ProfileOption = "k3d",
    from_version: Annotated[
        str | None, typer.Option("--from", help="MLflow's version before, such as 3.16.1.")
    ] = None,
    to_version: Annotated[str | None, typer.Option("--to", help="MLflow's version after.")] = None,
    from_values: Annotated[
        Path | None, typer.Option(help="Or a values file of the chart, before.")
    ] = None,
    to_values: Annotated[Path | None, typer.Option(help="And after.")] = None,
    from_ref: Annotated[
        str | None, typer.Option(help="Or a git commit, branch or tag of the deployment, before.")
    ] = None,
    to_ref: Annotated[str | None, typer.Option(help="And after.")] = None,
    runs: Annotated[
        int | None, typer.Option(help="Runs that are made before; default: as the profile says.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A dump of your database (pg_dump --format=custom) to upgrade as well."),
    ] = None,
    way: Annotated[
        Manner,
        typer.Option(
            help="What is done about traces meanwhile: nothing, exporters hold them, or every old "
            "pod ends first.",
        ),
    ] = "rolling",
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="With --context: only read, and say what the upgrade would do there."
        ),
    ] = False,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    keep: KeepOption = False,
    reuse: ReuseOption = False,
    output: OutputOption = None,
    seed: SeedOption = None,
) -> None:
    """Try an upgrade of MLflow with its data, its clients and its load: go or no-go, and why."""
    from mlflow_conformance.run import upgrade as upgrade_run
    from mlflow_conformance.run import upgrade_plan
    from mlflow_conformance.run.upgrading import pair
    from mlflow_conformance.stand.revision import Upgrading

    if plan:
        manner = None if way == "rolling" else way
        others = (from_values, to_values, from_ref, to_ref, runs, data, manner, seed)
        wanted = upgrade_plan.PlanWanted(
            from_version, to_version, context, namespace, kubeconfig, output
        )
        upgrade_plan.refuse_others(keep=keep, reuse=reuse, others=others)
        raise typer.Exit(upgrade_plan.run(wanted, profile=profile))
    upgrade_run.refuse_attached(context, namespace, kubeconfig)
    sides = pair((from_version, to_version), (from_values, to_values), (from_ref, to_ref))
    raise typer.Exit(
        upgrade_run.run(
            Upgrading(*sides, runs=runs, data=data, manner=way),
            profile=profile,
            keep=keep,
            reuse=reuse,
            output=output,
            seed=seed,
        )
    )
