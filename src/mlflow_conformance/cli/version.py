# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance version`."""

import typer

from mlflow_conformance import __version__


def version() -> None:
    """Print the version."""
    typer.echo(__version__)
