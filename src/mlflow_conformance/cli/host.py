# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance host`."""

from mlflow_conformance.core.progress import tell


def host() -> None:
    """Check this machine, and install what is missing (root on Debian) or say what to install."""
    from mlflow_conformance.stand.standing import prepare_host

    prepare_host(tell)
    tell("host: nothing is missing")
