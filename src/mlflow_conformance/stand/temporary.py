# SPDX-License-Identifier: Apache-2.0
"""Objects that are in a cluster for as long as checks need them, and the images they run."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.node_door import open_node
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.cluster.view import look
from mlflow_conformance.config.placeholders import filled
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.stand import images
from mlflow_conformance.stand.deploy.rendered import objects
from mlflow_conformance.stand.node_images import provide

Manifest = dict[str, Any]


def brought(kube: Kube, bundle: str) -> dict[str, str]:
    """Bring the images of a bundle onto every node; the tag of each, by its name.

    Raises:
        Unusable: one cannot be had.
    """
    pinned = images.load_pins().on_demand[bundle].images
    tags = {name: names[0] for name, names in pinned.items()}
    provide([open_node(node) for node in look(kube).nodes], list(tags.values()), tell)
    return tags


def parts_of(path: Path, words: Mapping[str, Any]) -> list[Manifest]:
    """The objects of a file of manifests, with words in place of those in braces."""
    return [filled(thing, words) for thing in objects(path.read_text(encoding="utf-8"))]


def namespace_of(name: str) -> Manifest:
    """A namespace's manifest."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def need_free(kube: Kube, namespace: str, what: str, key: str) -> None:
    """Nothing, unless there is a namespace already that is to be made.

    Args:
        what: what would happen in it, for people.
        key: of the profile, which names it.

    Raises:
        Unusable: there is.
    """
    if kube.find("namespace", namespace) is not None:
        raise Unusable(
            f"There is a namespace {namespace} already, where {what}",
            remedy=f"If an earlier run left it: kubectl delete namespace {namespace}; else name "
            f"another one under {key}",
        )


def make(
    made: ExitStack,
    kube: Kube,
    manifests: Sequence[Manifest],
    waiter: Waiter,
    *,
    timeout: str = "object deleted",
) -> None:
    """Make objects for as long as `made` is open; what was there before stays as it is.

    Args:
        timeout: names how long their removal is waited for.

    Raises:
        KubeFailed: the cluster refused one.
    """
    for thing in manifests:
        meta = thing["metadata"]
        space, name = meta.get("namespace") or kube.namespace, meta["name"]
        kind = _kind(thing)
        if kube.find(kind, name, namespace=space) is not None:
            continue
        made.callback(partial(_removed, kube, kind, name, waiter, space, timeout))
        kube.apply([thing])


def make_kinds(
    made: ExitStack, kube: Kube, definitions: Sequence[Manifest], waiter: Waiter
) -> None:
    """As `make`, of the definitions of kinds, and wait until there can be objects of them.

    Raises:
        KubeFailed, TimedOut: the cluster does not take them.
    """
    make(made, kube, definitions, waiter)
    names = [thing["metadata"]["name"] for thing in definitions]
    waiter.until(
        f"established: {', '.join(names)}",
        lambda: [holds(kube.get("customresourcedefinition", n), "Established") for n in names],
        done=all,
        timeout="api reply",
    )


def wait_ready(there: Kube, labels: Mapping[str, str], waiter: Waiter) -> None:
    """Wait until there are pods with these labels in a namespace, and all of them are ready.

    Raises:
        TimedOut: they were not in time.
    """
    waiter.until(
        f"ready: the pod {dict(labels)} of {there.namespace}",
        lambda: [pod.ready for pod in there.pods(labels)],
        done=lambda seen: bool(seen) and all(seen),
        timeout="monitoring ready",
    )


def _removed(
    kube: Kube, kind: str, name: str, waiter: Waiter, namespace: str, timeout: str
) -> None:
    with uninterrupted():
        removed(kube, kind, name, waiter, namespace=namespace, timeout=timeout)


def _kind(thing: Manifest) -> str:
    """The kind with its group, since others may have one of the same name."""
    group, slash, _ = thing["apiVersion"].rpartition("/")
    return f"{thing['kind']}.{group}" if slash else str(thing["kind"])
