# SPDX-License-Identifier: Apache-2.0
"""Which tokens the object store's STS gives keys for."""

import time

from mlflow_conformance.artifacts import environment
from mlflow_conformance.artifacts.sts import Exchange, Sts, account_of
from mlflow_conformance.artifacts.thresholds import ClientSecret, ExpiredTokens, ForeignTokens
from mlflow_conformance.artifacts.tokens import Token, with_changed_signature
from mlflow_conformance.cluster import view
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.node_door import open_node
from mlflow_conformance.core.strength import bits
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target

_SIGNING_KEY = "/etc/kubernetes/pki/sa.key"


def _require_keys(evidence: Evidence, what: str, seen: Exchange) -> None:
    """The STS gives keys for a token that is right.

    Raises:
        Undecided: it does not, so that its refusals of others say nothing.
    """
    evidence.note(f"{what}: answer", str(seen), door="inside")
    if not seen.keys:
        evidence.undecided(f"the STS gives no keys for a token that is right ({what}): {seen}")


def _expect_refusal(evidence: Evidence, what: str, seen: Exchange) -> None:
    evidence.note(f"{what}: answer", str(seen), door="inside")
    evidence.expect(
        "refused.status", f"{what}: status", seen.status, "in", [400, 403], door="inside"
    )


@check(
    "ART-2.tokens",
    impact="Any pod of the cluster gets MLflow's bucket.",
    remedy="Bind the role to MLflow's own ServiceAccount and audience; with MinIO set a random "
    "MINIO_IDENTITY_OPENID_CLIENT_SECRET.",
    writes=("cluster",),
)
def test_foreign_tokens_are_refused(
    evidence: Evidence, target: Target, kube: Kube, bucket: Bucket
) -> None:
    """The STS gives keys for MLflow's own token, and for no other that looks like it.

    Steps:
        1. Where the object store has a client secret of OpenID Connect, read what its pods are
           given: it is set, and hard to guess.
        2. MLflow's ServiceAccount with the promised audience gets keys.
        3. Other ServiceAccounts, and its own with another audience, get none; nor does its own
           token with a changed signature.
    """
    row = evidence.row(ForeignTokens)
    if row.client_secret is not None:
        _expect_strong(evidence, target, kube, row.client_secret)
    sts = Sts.of(kube, target.inside, bucket, row.sts)
    account = account_of(kube, target.names.mlflow)
    genuine = sts.token(account, row.audience)
    _require_keys(evidence, "MLflow's own token", sts.exchanged(genuine, account))
    foreign = {
        **{f"ServiceAccount {other}": sts.token(other, row.audience) for other in row.others},
        **{f"audience {other}": sts.token(account, other) for other in row.other_audiences},
        "changed signature": with_changed_signature(genuine),
    }
    for what, token in foreign.items():
        _expect_refusal(evidence, what, sts.exchanged(token, account))


def _expect_strong(evidence: Evidence, target: Target, kube: Kube, secret: ClientSecret) -> None:
    store = target.names.s3.selector if target.names.s3 else {}
    pods = kube.ready_pods(store) if store else []
    if not pods:
        evidence.undecided("no pod of the object store is ready that could show its configuration")
    for pod in pods:
        given = list(environment.values(kube, pod.raw, secret.variable))
        evidence.expect(
            "client-secret.bits", f"{pod.name}: strength of the client secret",
            round(min(map(bits, given), default=0)), ">=", secret.bits,
            unit="bit", door="kubernetes",
        )  # fmt: skip


@check(
    "ART-2.expired",
    impact="A token that leaked once opens the bucket for ever.",
    remedy="Let the STS hold tokens against their expiry, and its clock against the cluster's.",
    writes=("cluster",),
)
def test_expired_tokens_are_refused(
    evidence: Evidence, target: Target, kube: Kube, bucket: Bucket
) -> None:
    """A token of MLflow's own, rightly signed by the cluster, is refused once it has expired.

    Preconditions: the control plane is a container of this machine, for Kubernetes itself gives no
        token that lasts less than ten minutes.
    Steps:
        1. Sign the claims of a genuine token with the cluster's own key: the STS gives keys for it.
        2. Sign the same claims with an expiry that is over: refused.
    """
    nodes = view.look(kube).nodes
    planes = [n for n in map(open_node, nodes) if n.role == "control-plane"]
    if not planes:
        evidence.undecided("no node of this cluster is a control plane")
    row = evidence.row(ExpiredTokens)
    sts = Sts.of(kube, target.inside, bucket, row.sts)
    account = account_of(kube, target.names.mlflow)
    key = planes[0].exec(["cat", _SIGNING_KEY]).stdout
    token = Token.read(sts.token(account, row.audience))
    _require_keys(evidence, "signed anew", sts.exchanged(token.signed(key), account))
    began = token.claims["iat"] - 3600
    over = token.signed(key, iat=began, nbf=began, exp=int(time.time()) - row.expired_s_ago)
    _expect_refusal(evidence, f"expired {row.expired_s_ago} s ago", sts.exchanged(over, account))
