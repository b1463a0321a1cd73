# SPDX-License-Identifier: Apache-2.0
"""The runner's image, by default MLflow's own, and what is sent into it because it lacks that."""

import importlib
from collections.abc import Sequence
from pathlib import Path

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.reading import ABSENT
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.target.own_pods import RUNNER, archived, unpack

S3_MODULES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""What a client of S3 is made of; all of it is Python."""
_ABOUT_S3 = ("s3", "sts")
_SHARED = (".json", ".pem", ".gz")


def with_image(kube: Kube, names: Names) -> Names:
    """The names with the runner's image: MLflow's own, where the profile names none.

    Raises:
        Unusable: see `own_image`.
    """
    if names.runner.image:
        return names
    runner = names.runner.model_copy(update={"image": own_image(kube, names)})
    return names.model_copy(update={"runner": runner})


def own_image(kube: Kube, names: Names) -> str:
    """The image that MLflow's server has.

    Raises:
        Unusable: MLflow's workload, or its container, is not there.
    """
    server = names.mlflow
    try:
        found = kube.get(server.kind, server.deployment)
    except KubeFailed as problem:
        absent = problem.status == ABSENT
        raise Unusable(
            f"The {server.kind} {server.deployment} of MLflow "
            + (
                f"is not in the namespace {names.namespace}"
                if absent
                else f"cannot be read: {problem}"
            ),
            remedy="Correct `names.mlflow` in the profile; `mlflow-conformance init` writes it",
        ) from problem
    containers = found["spec"]["template"]["spec"]["containers"]
    image = next((c["image"] for c in containers if c["name"] == server.container), None)
    if image is None:
        there = ", ".join(c["name"] for c in containers)
        raise Unusable(
            f"The {server.kind} {server.deployment} has no container {server.container!r}",
            remedy=f"Set `names.mlflow.container` in the profile to one of: {there}",
        )
    return str(image)


def send_s3(kube: Kube, namespace: str, lacking: Sequence[str]) -> None:
    """Send the modules of a client of S3 that the runner lacks, as they are in this environment.

    Raises:
        KubeFailed: its pod did not take them.
    """
    for name in lacking:
        unpack(kube, namespace, RUNNER, archived(*files_of(name)))


def files_of(name: str) -> tuple[Path, list[Path]]:
    """The folder that a module of this environment is in, and the files of it that are needed."""
    module = Path(str(importlib.import_module(name).__file__))
    if module.name != "__init__.py":
        return module.parent, [module]
    whole = module.parent
    return whole.parent, [path for path in whole.rglob("*") if _is_needed(path, whole)]


def _is_needed(path: Path, module: Path) -> bool:
    """Sources, and of the descriptions of services those of S3 and what all of them share."""
    below = path.relative_to(module).parts
    if below[0] == "data" and len(below) > 2:
        return below[1] in _ABOUT_S3 and path.is_file()
    return path.is_file() and (path.suffix == ".py" or path.suffix in _SHARED)
