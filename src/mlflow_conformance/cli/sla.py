# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance sla`."""

import argparse
from pathlib import Path
from typing import Annotated

import typer

from mlflow_conformance.cli.options import (
    ContextOption,
    KeepOption,
    KubeconfigOption,
    MutantOption,
    NamespaceOption,
    OutputOption,
    ProfileOption,
    ReuseOption,
    SeedOption,
)


def sla(
    profile: ProfileOption = "k3d",
    rate: Annotated[
        float | None, typer.Option(help="Arrivals a second; default: as LAT-1 states.")
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option("--duration", "--for", help="Such as 90s or 10m; default: as LAT-1 states."),
    ] = None,
    workload: Annotated[
        str | None, typer.Option(help="A workload's name, or a YAML file; default: as LAT-1.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that send.")] = None,
    compare: Annotated[
        Path | None,
        typer.Option(help="The folder or latency.json of the last good run."),
    ] = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="A server's URL, in the place of a cluster.")
    ] = None,
    mutant: MutantOption = None,
    keep: KeepOption = False,
    reuse: ReuseOption = False,
    output: OutputOption = None,
    seed: SeedOption = None,
) -> None:
    """Load a deployment through its front door, and report its latency against the promise."""
    from mlflow_conformance.run import sla as sla_run

    raise typer.Exit(
        sla_run.run(
            sla_run.Wanted(rate, duration, workload, workers, compare),
            argparse.Namespace(
                context=context,
                namespace=namespace,
                target_kubeconfig=kubeconfig,
                tracking_uri=[tracking_uri] if tracking_uri is not None else [],
                sql_dsn=None,
                s3_bucket=None,
                s3_endpoint="",
                s3_prefix="",
                allow_disruption=False,
                without_disruption=False,
                read_only=False,
                mutant=mutant,
                rounds=None,
                keep=keep,
                reuse=reuse,
                prepared=False,
            ),
            profile=profile,
            output=output,
            seed=seed,
        )
    )
