# SPDX-License-Identifier: Apache-2.0
"""The revisions that a workload could be taken back to, as `kubectl rollout undo` does."""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided


def earlier_revisions(kube: Kube, kind: str, name: str) -> list[str]:
    """Names of what a workload of the namespace keeps of its earlier specifications.

    A Deployment keeps ReplicaSets without replicas, any other workload ControllerRevisions.

    Raises:
        KubeFailed: they cannot be read.
        Undecided: there is no such workload.
    """
    found = kube.find(kind, name)
    if found is None:
        raise Undecided(f"there is no {kind} {name} whose revisions could be read")
    uid, of_deployment = found["metadata"]["uid"], found["kind"] == "Deployment"
    own = [
        item
        for item in kube.items("replicaset" if of_deployment else "controllerrevision")
        if any(o.get("uid") == uid for o in item["metadata"].get("ownerReferences") or [])
    ]
    if of_deployment:
        return sorted(i["metadata"]["name"] for i in own if i["spec"].get("replicas") == 0)
    by_number = sorted(own, key=lambda i: int(i["revision"]))
    return sorted(i["metadata"]["name"] for i in by_number[:-1])
