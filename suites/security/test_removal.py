# SPDX-License-Identifier: Apache-2.0
"""SEC-3.removal: what is left of an installation that was removed."""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.cluster.terminal import GOOD
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security.thresholds import Removal
from mlflow_conformance.security.workshop import SECOND, Workshop, settings_of
from mlflow_conformance.target.base import Target


@check(
    "SEC-3.removal",
    impact="What an installation leaves behind costs money, holds secrets, or stops the next one.",
    remedy="Remove what is named; see why it is not owned by the release or by its namespace.",
    # A second MLflow with its database needs room that a cluster of others may not have.
    disruptive=True,
    writes=("cluster",),
)
def test_removal_leaves_nothing(
    evidence: Evidence,
    deployment: HelmDeployment | KustomizeDeployment,
    target: Target,
    kube: Kube,
    workshop: Workshop,
    waiter: Waiter,
) -> None:
    """Removing an installation leaves nothing of it anywhere in the cluster.

    Preconditions: there is room for a second installation, where helm makes it.
    Steps:
        1. List every object of the cluster; install once more, in a namespace of the check's own.
        2. Remove it by the documented command (helm), or with its namespace (kustomize, whose own
           removal the server is only asked about).
        3. List everything again until nothing is left, or the time for that is over.

    Expected: what is documented to stay, and no more; volumes go with their claims.
    """
    row = evidence.row(Removal)
    _judge_volumes(evidence, kube, target.names.namespace)
    match deployment:
        case HelmDeployment():
            there, said = workshop.second(settings_of(deployment, row.settings))
            evidence.expect("install", "install", said, "==", GOOD, door="kubernetes")
            made = workshop.left(there, ())
            if row.objects is not None:
                evidence.expect(
                    "installed", "objects that were installed", len(made), ">=", row.objects,
                    door="kubernetes",
                )  # fmt: skip
            said = workshop.run("uninstall", SECOND)
            evidence.expect("uninstall", "uninstall", said, "==", GOOD, door="kubernetes")
        case KustomizeDeployment():
            there = workshop.namespace(SECOND, "secrets")
            _judge_deletion(evidence, target, kube, workshop)
            removed(kube, "namespace", there.name, waiter, timeout="namespace gone")
    try:
        found = waiter.until(
            "gone: everything of the installation", lambda: workshop.left(there, row.passing),
            done=lambda things: not things, timeout="object deleted", interval_s=2,
        )  # fmt: skip
    except TimedOut:
        found = workshop.left(there, row.passing)
    evidence.expect("left", "objects left behind", found, "==", [], door="kubernetes")


def _judge_deletion(evidence: Evidence, target: Target, kube: Kube, workshop: Workshop) -> None:
    """What the documented removal would delete, without deleting it."""
    namespace = target.names.namespace
    evidence.expect(
        "namespace", "the removal deletes the namespace, and all that is in it",
        f"namespace/{namespace}" in workshop.would_delete(), "==", True, door="kubernetes",
    )  # fmt: skip


def _judge_volumes(evidence: Evidence, kube: Kube, namespace: str) -> None:
    """What becomes of the volumes of the deployment under test when it is removed."""
    volumes = kube.items("persistentvolume")
    mine = [v for v in volumes if v["spec"].get("claimRef", {}).get("namespace") == namespace]
    policies = {v["metadata"]["name"]: v["spec"]["persistentVolumeReclaimPolicy"] for v in mine}
    evidence.note("volumes of the deployment", policies, door="kubernetes")
    evidence.expect(
        "volumes", "volumes that stay when their claim is gone",
        [name for name, policy in policies.items() if policy != "Delete"], "==", [],
        door="kubernetes",
    )  # fmt: skip
