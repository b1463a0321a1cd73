# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance down`."""

from typing import Annotated

import typer


def down(
    purge: Annotated[
        bool, typer.Option("--purge", help="Also remove all that was built and cached.")
    ] = False,
) -> None:
    """Remove everything that this program ever made on this machine, and only that."""
    from mlflow_conformance.stand.standing import take_down

    take_down(purge=purge)
