# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance rbac`."""

from typing import Annotated

import typer

from mlflow_conformance.target import bindable, rights
from mlflow_conformance.target.rbac import text


def rbac(
    mode: Annotated[
        rights.Mode,
        typer.Option(help="Of a run with --read-only, of one without, or with --allow-disruption."),
    ] = "default",
    profile: Annotated[
        str,
        typer.Option(
            help="The profile of the run, by its name or path: its namespaces, and no others."
        ),
    ] = "k3d",
    namespace: Annotated[
        str | None, typer.Option(help="Where MLflow is, if not where the profile says.")
    ] = None,
    user: Annotated[
        str, typer.Option(help="Who runs it; system:serviceaccount:NAMESPACE:NAME for an account.")
    ] = "mlflow-conformance",
) -> None:
    """Print namespaces and roles that a run needs, each right with why, for kubectl apply."""
    bindable.refuse_names(namespace, user)
    from mlflow_conformance.config import assets, catalogue
    from mlflow_conformance.network_policy.places import places_of
    from mlflow_conformance.run.known import promised

    found = promised(profile, catalogue.read(assets.asset("suites"))).profile
    typer.echo(text(mode, places_of(found, namespace), user), nl=False)
