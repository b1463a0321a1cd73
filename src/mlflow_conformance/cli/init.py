# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance init`."""

from pathlib import Path
from typing import Annotated

import typer

from mlflow_conformance.cli.options import KubeconfigOption


def init(
    context: Annotated[str, typer.Option(help="A context of the kubeconfig.")],
    namespace: Annotated[str, typer.Option(help="Where MLflow is.")],
    kubeconfig: KubeconfigOption = None,
    server: Annotated[
        str | None,
        typer.Option(help="MLflow's workload, such as deployment/mlflow, where it is not plain."),
    ] = None,
    output: Annotated[Path, typer.Option(help="The profile; it must not exist.")] = Path(
        "mine.yaml"
    ),
) -> None:
    """Look at a deployment, read-only, and write the profile of it."""
    from mlflow_conformance.cluster.kube import Kube
    from mlflow_conformance.cluster.kubeconfig import kubeconfig_of
    from mlflow_conformance.run import describing

    kube = Kube(kubeconfig_of(kubeconfig, context), context, namespace)
    described = describing.describe(kube, server, output)
    for line in describing.told(described, context, namespace):
        typer.echo(line)
    if described.faults:
        raise typer.Exit(3)
