# SPDX-License-Identifier: Apache-2.0
"""SEC-3.rotation: what changes with the credentials, and what stays."""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.terminal import GOOD
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.security.installation import differing, key_of, secrets_in
from mlflow_conformance.security.keeping import (
    ARTIFACT,
    PARAMS,
    KeptRun,
    new_experiment,
    password_of,
    sign_in,
)
from mlflow_conformance.security.thresholds import Rotation
from mlflow_conformance.security.workshop import SECOND, Workshop, settings_of
from mlflow_conformance.target.base import Target


@check(
    "SEC-3.rotation",
    impact="Credentials that leaked stay good, or changing them costs data.",
    remedy="Set new passwords where they are checked (PostgreSQL, object store) before pods that "
    "use them start; never change keys that protect data.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_rotation_keeps_the_data(
    evidence: Evidence,
    deployment: HelmDeployment | KustomizeDeployment,
    target: Target,
    kube: Kube,
    workshop: Workshop,
    waiter: Waiter,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """Rotating as documented changes the credentials, closes the old ones, and loses nothing.

    Preconditions: a way to PostgreSQL from the runner; there is room for a second installation,
    where helm makes it. With kustomize it is the deployment under test whose MLflow gets another
    password.
    Steps:
        1. Log a run with a param and an artifact.
        2. Rotate by the guide's command; read the Secrets.
        3. Read both back; sign in to PostgreSQL with the old password and with the new one.

    Expected: exactly what is to rotate is another, so keys that protect data are the same; the
    data is there; the old password is refused, where the new one works.
    """
    row, names = evidence.row(Rotation), target.names
    match deployment:
        case HelmDeployment():
            there, said = workshop.second(settings_of(deployment, row.settings))
            if not evidence.expect("install", "install", said, "==", GOOD, door="kubernetes"):
                return
            space = there.name
            api = target.api(
                names.mlflow.url(f"{names.mlflow.service}.{space}.svc", of_service=True)
            )
            experiment = new_experiment(api, unique("rotation"))
        case KustomizeDeployment():
            space, api = names.namespace, target.api()
            experiment = belongings.experiment(new_experiment(api, unique("rotation")))
    kept = KeptRun.logged(api, experiment)
    before = secrets_in(kube, space)
    with uninterrupted():  # half a rotation is neither the old password nor the new one
        said = workshop.run("rotate", SECOND)
    if not evidence.expect("rotate", "rotate", said, "==", GOOD, door="kubernetes"):
        return
    after = secrets_in(kube, space)
    wanted = sorted(
        e for e in before if e.split("/")[0] in row.rotates and key_of(e) not in row.public
    )
    evidence.expect(
        "secrets.changed", "secrets that changed", differing(before, after), "==", wanted,
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "params", "params after the rotation", kept.params(waiter), "==", PARAMS, door="inside"
    )
    evidence.expect(
        "artifact", "artifact after the rotation", kept.artifact(waiter), "==", ARTIFACT,
        door="inside",
    )  # fmt: skip
    user = row.account.user
    new = sign_in(target, space, user, password_of(row.account, after))
    if new != "accepted":
        evidence.undecided(
            f"PostgreSQL does not take the new password of {user} either, so that its refusal of "
            "the old one says nothing"
        )
    evidence.expect(
        "password.old", f"old password of {user}",
        sign_in(target, space, user, password_of(row.account, before)), "==", "refused",
        door="sql",
    )  # fmt: skip
