# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance semantics`."""

from typing import Annotated

import typer

from mlflow_conformance.cli.options import CheckOption, OutputOption, ProfileOption, SeedOption


def semantics(
    tracking_uri: Annotated[
        list[str], typer.Option(help="A server's URL; several are replicas of one deployment.")
    ],
    profile: ProfileOption = "k3d",
    sql: Annotated[str | None, typer.Option(help="Connection string of its database.")] = None,
    s3_endpoint: Annotated[
        str, typer.Option(help="Where its bucket is, with --s3-bucket.")
    ] = "https://s3.amazonaws.com",
    s3_bucket: Annotated[
        str | None, typer.Option(help="Its bucket; keys come from the environment.")
    ] = None,
    s3_prefix: Annotated[str, typer.Option(help="What artifact keys begin with.")] = "",
    check: CheckOption = None,
    output: OutputOption = None,
    seed: SeedOption = None,
) -> None:
    """Check tracking, registry and artifacts of any MLflow by its URL alone."""
    from mlflow_conformance.run.checking import run_checks

    raise typer.Exit(
        run_checks(
            "tracking",
            "registry",
            "artifacts",
            profile=profile,
            tracking_uri=tracking_uri,
            sql_dsn=sql,
            s3_endpoint=s3_endpoint,
            s3_bucket=s3_bucket,
            s3_prefix=s3_prefix,
            check=check,
            output=output,
            seed=seed,
        )
    )
