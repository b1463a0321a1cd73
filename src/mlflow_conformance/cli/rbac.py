# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance rbac`."""

from typing import Annotated

import typer

from mlflow_conformance.target import rights


def rbac(
    mode: Annotated[
        rights.Mode,
        typer.Option(help="Of a run with --read-only, of one without, or with --allow-disruption."),
    ] = "default",
    namespace: Annotated[str, typer.Option(help="Where MLflow is.")] = "mlflow",
    user: Annotated[
        str, typer.Option(help="Who runs it; system:serviceaccount:NAMESPACE:NAME for an account.")
    ] = "mlflow-conformance",
) -> None:
    """Print the roles that a run needs, and their bindings, for kubectl apply."""
    import yaml

    documents = rights.manifests(mode, namespace, user)
    typer.echo(yaml.safe_dump_all(documents, sort_keys=False), nl=False)
