# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance gate`."""

from pathlib import Path
from typing import Annotated

import typer

from mlflow_conformance.cli.options import (
    CheckOption,
    ContextOption,
    KeepOption,
    KubeconfigOption,
    MutantOption,
    NamespaceOption,
    OutputOption,
    ProfileOption,
    ReuseOption,
    SeedOption,
    UpgradeDataOption,
    UpgradeFolderOption,
    UpgradeFromOption,
    UpgradeRunsOption,
    UpgradeToOption,
    UpgradeWayOption,
)
from mlflow_conformance.config.tiers import Tier


def gate(
    profile: ProfileOption = "k3d",
    tier: Annotated[Tier, typer.Option(help="How much to check.")] = "gate",
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    allow_disruption: Annotated[
        bool, typer.Option("--allow-disruption", help="Also disturb an attached cluster.")
    ] = False,
    without_disruption: Annotated[
        bool,
        typer.Option("--without-disruption", help="Leave out what disturbs, by choice."),
    ] = False,
    read_only: Annotated[
        bool,
        typer.Option("--read-only", help="Only checks that write nothing, and no runner pod."),
    ] = False,
    check: CheckOption = None,
    mutant: MutantOption = None,
    prepared: Annotated[
        bool,
        typer.Option("--prepared", help="As --reuse, and trust what the run before stood up."),
    ] = False,
    rounds: Annotated[
        Path | None,
        typer.Option(hidden=True, help="A file of rounds, as `mutants` writes it."),
    ] = None,
    keep: KeepOption = False,
    reuse: ReuseOption = False,
    output: OutputOption = None,
    seed: SeedOption = None,
    upgrade_from: UpgradeFromOption = None,
    upgrade_to: UpgradeToOption = None,
    upgrade_folder: UpgradeFolderOption = None,
    upgrade_runs: UpgradeRunsOption = None,
    upgrade_data: UpgradeDataOption = None,
    upgrade_way: UpgradeWayOption = None,
) -> None:
    """Check every promise of a profile, on a kind cluster of our own or an existing one."""
    from mlflow_conformance.run.checking import run_checks

    raise typer.Exit(
        run_checks(
            profile=profile,
            tier=tier,
            context=context,
            namespace=namespace,
            target_kubeconfig=kubeconfig,
            allow_disruption=allow_disruption,
            without_disruption=without_disruption,
            read_only=read_only,
            check=check,
            mutant=mutant,
            prepared=prepared,
            rounds=rounds,
            keep=keep,
            reuse=reuse,
            output=output,
            seed=seed,
            upgrade_from=upgrade_from,
            upgrade_to=upgrade_to,
            upgrade_folder=upgrade_folder,
            upgrade_runs=upgrade_runs,
            upgrade_data=upgrade_data,
            upgrade_way=upgrade_way,
        )
    )
