# SPDX-License-Identifier: Apache-2.0
"""Images that are needed and that a cluster's nodes lack, brought onto them."""

import shutil
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.core import paths, shell
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import images, versions
from mlflow_conformance.stand.images.containers import ARCHIVE

_LOAD_S = 600.0
_PLACE = "/var/mlflow-conformance-images.tar"
_ROOM = 3
"""How often an image needs the size of its archive on a node: as it is, as layers, unpacked."""


def provide(
    nodes: Sequence[NodeContainer], wanted: Collection[str], tell: Callable[[str], None]
) -> None:
    """Make sure that every node which runs pods has these images.

    Args:
        nodes: all of a cluster.

    Raises:
        Unusable: an image can neither be made nor pulled, or there is no room for it.
    """
    workers = [n for n in nodes if n.role == "worker"] or list(nodes)
    lacking = {node: _normal(wanted) - _held(node) for node in workers}
    archives: dict[Path, list[str]] = {}
    for image in sorted(set().union(*lacking.values())):
        archives.setdefault(_archive(image, tell), []).append(image)
    for archive, held in archives.items():
        images_held = ", ".join(held)
        for_nodes = [node for node in workers if lacking[node] & set(held)]
        _require_room(archive, images_held, len(for_nodes))
        tell(f"image {images_held} is brought onto {', '.join(n.name for n in for_nodes)}")
        with ThreadPoolExecutor(len(for_nodes)) as pool:
            list(pool.map(partial(_load, archive), for_nodes))


def _normal(names: Collection[str]) -> set[str]:
    """Names as a container runtime has them: with registry and tag."""
    return {_with_registry(n if ":" in n.rpartition("/")[2] else f"{n}:latest") for n in names}


def _with_registry(name: str) -> str:
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def _held(node: NodeContainer) -> set[str]:
    return set(node.exec(["ctr", "-n", "k8s.io", "images", "ls", "-q"]).stdout.split())


def _archive(image: str, tell: Callable[[str], None]) -> Path:
    """An archive that holds an image, made or pulled."""
    if (version := versions.version_of(image)) is not None:
        return images.build_mlflow(str(version), versions.lock_of(version), tell)
    if (bundle := images.on_demand_of(image)) is not None:
        return images.build_on_demand(bundle, tell)[f"bundle.{bundle}"] / ARCHIVE
    return images.pull_image(image, tell)


def _require_room(archive: Path, image: str, nodes: int) -> None:
    needed = archive.stat().st_size * _ROOM * nodes
    free = shutil.disk_usage(paths.cache_root()).free
    if free < needed:
        raise Unusable(
            f"There is no room for the image {image} on {nodes} nodes: {free / 1e9:.1f} GB are "
            f"free, {needed / 1e9:.1f} GB are needed",
            remedy="Free some space, for example with `mlflow-conformance down --purge`",
        )


def _load(archive: Path, node: NodeContainer) -> None:
    try:
        node.copy_in(archive, _PLACE, timeout_s=_LOAD_S)
        node.exec(["ctr", "-n", "k8s.io", "images", "import", _PLACE], timeout_s=_LOAD_S)
    except shell.CommandFailed as problem:
        raise Unusable(
            f"{archive} could not be brought onto {node.name}: {problem.completed.tail or problem}",
            remedy="Free some space, or make the cluster anew: `mlflow-conformance down`",
        ) from problem
    finally:
        node.exec(["rm", "-f", _PLACE], check=False)
