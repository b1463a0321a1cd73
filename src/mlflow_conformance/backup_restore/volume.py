# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL with its volume lost: an empty server in the place of the one that held everything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter


@dataclass(frozen=True)
class Volume:
    """A volume by its claim and its own name."""

    claim: str
    name: str


def volumes(kube: Kube, names: Names) -> list[Volume]:
    """The volumes that PostgreSQL keeps its data in.

    Raises:
        Undecided: there are none in the cluster.
    """
    return _held(kube, kube.pods(_selector(names)))


def emptied(kube: Kube, names: Names, waiter: Waiter) -> tuple[list[Volume], list[Volume]]:
    """Delete the volumes of PostgreSQL and let it start anew: the volumes before and after.

    Everything in them is lost.

    Raises:
        Undecided: PostgreSQL is no StatefulSet with volume claims, so there is nothing to empty.
        TimedOut: it did not go or did not come back in time.
    """
    selector = _selector(names)
    pods = kube.pods(selector)
    server, replicas = _stateful_set(kube, pods)
    before = _held(kube, pods)
    kube.scale("statefulset", server, 0)
    waiter.until(
        "gone: the pods of PostgreSQL",
        lambda: [p.name for p in kube.pods(selector)],
        done=lambda seen: not seen,
        timeout="pod ready",
    )
    for volume in before:
        removed(kube, "persistentvolumeclaim", volume.claim, waiter)
    kube.scale("statefulset", server, replicas)
    ready = waiter.until(
        "ready: PostgreSQL on an empty volume",
        lambda: [p for p in kube.pods(selector) if p.ready],
        done=lambda seen: len(seen) == replicas,
        timeout="pod ready",
    )
    return before, _volumes(kube, ready)


def _selector(names: Names) -> dict[str, str]:
    if names.postgresql is None or not names.postgresql.selector:
        raise Undecided("PostgreSQL is outside of the cluster, where this check deletes nothing")
    return names.postgresql.selector


def _held(kube: Kube, pods: Sequence[Pod]) -> list[Volume]:
    if not (found := _volumes(kube, pods)):
        raise Undecided("PostgreSQL keeps its data in no volume claim")
    return found


def _stateful_set(kube: Kube, pods: Sequence[Pod]) -> tuple[str, int]:
    owners = {
        o["name"]
        for p in pods
        for o in p.raw["metadata"].get("ownerReferences", [])
        if o["kind"] == "StatefulSet"
    }
    if len(owners) != 1:
        raise Undecided(f"the pods of PostgreSQL belong to {len(owners)} StatefulSets, not to one")
    name = owners.pop()
    return name, kube.get("statefulset", name)["spec"]["replicas"]


def _volumes(kube: Kube, pods: Sequence[Pod]) -> list[Volume]:
    claims = sorted(
        source["claimName"]
        for p in pods
        for v in p.raw["spec"].get("volumes", [])
        if (source := v.get("persistentVolumeClaim"))
    )
    return [Volume(c, _volume_of(kube.get("persistentvolumeclaim", c))) for c in claims]


def _volume_of(claim: dict[str, Any]) -> str:
    name: str = claim["spec"].get("volumeName", "")
    return name
