# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance upload`."""

from pathlib import Path
from typing import Annotated

import typer


def upload(
    run: Annotated[Path, typer.Argument(help="The folder of a run, or of an upgrade.")],
    to: Annotated[str, typer.Argument(help="s3://BUCKET/PREFIX; the run's ID is appended.")],
) -> None:
    """Copy a run's folder to an S3 bucket; account and endpoint are those of the environment."""
    from mlflow_conformance.report import bucket

    typer.echo(f"kept in {bucket.upload(run, to)}")
