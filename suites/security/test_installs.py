# SPDX-License-Identifier: Apache-2.0
"""SEC-3.installs: what two installations share, and what an upgrade changes."""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.terminal import GOOD
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security.installation import differing, key_of, secrets_in, shared
from mlflow_conformance.security.thresholds import Installs
from mlflow_conformance.security.workshop import SECOND, THIRD, Workshop, settings_of
from mlflow_conformance.target.base import Target


@check(
    "SEC-3.installs",
    impact="Who may read the secrets of one installation has those of every other, or an upgrade "
    "cuts MLflow off from its own database.",
    remedy="Generate every credential, and read the one that is there before making a new one.",
    # A second MLflow with its database needs room that a cluster of others may not have.
    disruptive=True,
    writes=("cluster",),
)
def test_installations_share_no_secret(
    evidence: Evidence,
    deployment: HelmDeployment | KustomizeDeployment,
    target: Target,
    kube: Kube,
    workshop: Workshop,
) -> None:
    """Two installations share no secret, and an upgrade keeps every one of them.

    Preconditions: there is room for a second installation, where helm makes it.
    Steps:
        1. Install once more, in a namespace of the check's own, by the guide's commands.
        2. Compare every entry of every Secret with the deployment under test, and with what a
           further installation would get.
        3. Upgrade and roll back (helm), or make the Secrets again (kustomize); compare.

    Expected: nothing but names is shared; nothing changed.
    """
    row = evidence.row(Installs)
    match deployment:
        case HelmDeployment():
            settings = settings_of(deployment, row.settings)
            there, said = workshop.second(settings)
            if not evidence.expect("install", "install", said, "==", GOOD, door="kubernetes"):
                return
            third = workshop.chart_secrets(settings)
            again = ["upgrade", "rollback"]
        case KustomizeDeployment():
            there = workshop.namespace(SECOND, "secrets")
            third = workshop.namespace(THIRD, "secrets").secrets
            again = ["secrets"]
            found = workshop.kustomization_secrets()
            evidence.expect(
                "kustomization.secrets", "secrets in the kustomization", sorted(found), "==", []
            )
    second = there.secrets
    installs = {
        "the deployment": secrets_in(kube, target.names.namespace),
        "the second": second,
        "a third": third,
    }
    compared = [e for e in second if e in third and key_of(e) not in row.public]
    evidence.note("entries of Secrets", sorted(compared), door="kubernetes")
    if len(compared) < row.entries:
        evidence.undecided(f"only {len(compared)} entries can be compared, {row.entries} are asked")
    evidence.expect(
        "shared", "shared secrets", shared(installs, row.public), "==", [], door="kubernetes"
    )
    for name in again:
        evidence.expect(
            "again.outcome", name, workshop.run(name, SECOND), "==", GOOD, door="kubernetes"
        )
        evidence.expect(
            "again.changed", f"secrets changed by {name}", differing(second, there.secrets),
            "==", [], door="kubernetes",
        )  # fmt: skip
