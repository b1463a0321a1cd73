# SPDX-License-Identifier: Apache-2.0
"""What is not as it is in a healthy deployment."""

from mlflow_conformance.cluster.view import ClusterView
from mlflow_conformance.disruption.scene import Scene, pods_of


def missing(play: Scene, view: ClusterView) -> list[str]:
    """What is not as it is in a healthy deployment, a few words for each.

    Of the nodes only that which the scene drains: what goes on with another shows in the
    deployment's pods, or is no business of it.
    """
    found = [f"node {n.name} not ready" for n in view.nodes if n.name == play.node and not n.ready]
    if play.node and (node := view.node(play.node)) is not None and not node.schedulable:
        found.append(f"node {node.name} cordoned")
    found += unready_mlflow(play, view)
    for part in ("postgresql", "s3"):
        named = getattr(play.names, part)
        if named and named.selector:
            pods = pods_of(play.names, part, view)
            found += [f"{part} not ready"] if not any(p.ready for p in pods) else []
    return found


def restarts(play: Scene, view: ClusterView) -> dict[tuple[str, str], int]:
    """How often each container of the deployment's pods was restarted, by UID and its name."""
    return {
        (pod.uid, container.name): container.restarts
        for pod in view.of(play.names.namespace, {})
        if pod.replica
        for container in pod.containers
    }


def unready_mlflow(play: Scene, view: ClusterView) -> list[str]:
    """What is not ready of MLflow itself, or still leaving, a few words for each."""
    pods = pods_of(play.names, "mlflow", view)
    leaving = [
        p
        for p in view.of(play.names.namespace, play.names.mlflow.selector)
        if p.terminating and p.replica
    ]
    wanted = play.kube.get(play.names.mlflow.kind, play.deployment)["spec"]["replicas"]
    ready = sum(p.ready for p in pods)
    found = [] if ready == wanted == len(pods) else [f"{ready} of {wanted} pods of MLflow ready"]
    return found + [f"pod {p.name} still leaving" for p in leaving]
