# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance images`."""

from mlflow_conformance.core.progress import tell


def images() -> None:
    """Build or pull every image and program that a cluster is made of; what is there is kept."""
    from mlflow_conformance.stand.images import build_all

    built = build_all(tell)
    tell(f"images: all there ({built.node_image})")
