# SPDX-License-Identifier: Apache-2.0
"""Who may use the bucket: identities without keys, and what each of them is refused."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, model_validator

from mlflow_conformance.artifacts.tokens import (
    Exchange,
    Token,
    exchange,
    hmac_sha256,
    new_rsa_key,
    rsa_sha256,
)
from mlflow_conformance.cluster import view
from mlflow_conformance.cluster.kube import Kube, KubectlFailed
from mlflow_conformance.cluster.nodes import open_node
from mlflow_conformance.doors.inside import InsideSender
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi, new_run
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Unique
from mlflow_conformance.target.base import Target

# Where botocore looks before it asks for a web identity ("Credentials", AWS SDK for Python).
_STATIC = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "BOTO_CONFIG",
)  # fmt: skip
_CONTAINER_STATIC = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_FILES = "(aws_secret_access_key|aws_access_key_id)[[:space:]]*=|(AKIA|ASIA)[A-Z0-9]{16}"
# Names alone leave the pod, of every process in the container.
_NAMES = (
    "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | "
    "sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p' | sort -u"
)
_SEARCH = 'for p in "$@"; do grep -rlEs -- "$0" "$p"; done; true'
_TOKEN = 'cut -d. -f1,2 "$AWS_WEB_IDENTITY_TOKEN_FILE"; printf "%s\\n" "$AWS_ROLE_ARN"'
_SIGNING_KEY = "/etc/kubernetes/pki/sa.key"
_ROLE = "eks.amazonaws.com/role-arn"
_TOKEN_LIFETIME = "10m"  # the shortest that Kubernetes gives


@check(
    "ART-2",
    impact="Who reads the pod's environment or its files has the bucket for as long as nobody "
    "changes the keys.",
    remedy="Remove the keys from the Deployment and its Secrets; annotate the ServiceAccount with "
    "the role, and let the pod use its projected token.",
)
def test_no_static_keys(
    evidence: Evidence,
    target: Target,
    kube: Kube,
    front: MlflowApi,
    bucket: Bucket,
    experiment: str,
) -> None:
    """MLflow reaches its bucket, and no pod of it holds a key that lasts.

    Steps:
        1. In each running container read the names in the environment of every process, and search
           what is mounted, and the home folder, for keys.
        2. Read what the projected token says, without its signature: whose it is, for whom and for
           how long. The role is that of the ServiceAccount's annotation.
        3. Store an artifact: it is in the bucket.
    """  # fmt: skip
    names = target.names.mlflow
    pods = kube.ready_pods(names.selector, container=names.container)
    evidence.expect("pods-looked-into", "pods looked into", len(pods), ">=", 1, door="kubernetes")
    for pod in pods:
        run = partial(kube.exec, pod.name, container=names.container)
        variables = run("sh", "-c", _NAMES).split()
        evidence.expect(
            "variables-read", "variables read", len(variables), ">=", 5, door="kubernetes"
        )
        evidence.expect(
            "variables-hold-keys", f"{pod.name}: variables that hold keys",
            [v for v in variables if v in (*_STATIC, _CONTAINER_STATIC)], "==", [],
            door="kubernetes",
        )  # fmt: skip
        (container,) = (c for c in pod.raw["spec"]["containers"] if c["name"] == names.container)
        mounted = [m["mountPath"] for m in container.get("volumeMounts", [])]
        evidence.note(f"{pod.name}: mounts searched", mounted, door="kubernetes")
        found = run("sh", "-c", _SEARCH, _FILES, *mounted, "/root/.aws", "/etc/boto.cfg")
        evidence.expect(
            "files-hold-keys",
            f"{pod.name}: files that hold keys",
            found.splitlines(),
            "==",
            [],
            door="kubernetes",
        )
        try:
            said, role = run("sh", "-c", _TOKEN).splitlines()
        except (KubectlFailed, ValueError):
            evidence.expect(
                "projected-token",
                f"{pod.name}: projected token",
                "none",
                "==",
                "read",
                door="kubernetes",
            )
            continue
        _judge_token(evidence, kube, pod.raw, Token.read(said), role)
    run_id = new_run(front, experiment).run_id
    key = f"{experiment}/{run_id}/artifacts/keyless.txt"
    put = front.request("PUT", f"{ARTIFACTS}/{key}", body=b"keyless")
    evidence.expect("artifact-stored", "artifact stored", put.status, "==", 200, door="front")
    stored = [o.size for o in bucket.objects(key)]
    evidence.expect("objects", "objects of it", stored, "==", [len(b"keyless")], door="s3")


def _judge_token(
    evidence: Evidence, kube: Kube, pod: Mapping[str, Any], token: Token, role: str
) -> None:
    name, account = pod["metadata"]["name"], pod["spec"]["serviceAccountName"]
    namespace = pod["metadata"]["namespace"]
    claims = token.claims
    evidence.expect(
        "whose-token", f"{name}: whose token",
        claims.get("sub"), "==", f"system:serviceaccount:{namespace}:{account}", door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "whom", f"{name}: for whom", claims.get("aud"), "==", [evidence.threshold("audience")],
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "how-long-lasts", f"{name}: how long it lasts", claims.get("exp", 0) - claims.get("iat", 0),
        "<=", evidence.number("token_lifetime_s"), unit="s", door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "seconds-are-left", f"{name}: seconds that are left", claims.get("exp", 0) - round(time.time()), ">=", 1,
        unit="s", door="kubernetes",
    )  # fmt: skip
    annotations = kube.get("serviceaccount", account)["metadata"].get("annotations", {})
    evidence.expect("role", f"{name}: role", role, "==", annotations.get(_ROLE), door="kubernetes")


class _Sts:
    """The STS of a bucket, and tokens for it.

    Attributes:
        account: MLflow's own ServiceAccount.
    """

    def __init__(self, evidence: Evidence, target: Target, kube: Kube, bucket: Bucket) -> None:
        self._evidence, self._kube = evidence, kube
        self._send = InsideSender(target.inside, bucket.door.get("ca_file"))
        # MinIO's STS is where its S3 is; that of AWS has a name of its own.
        self._endpoint = str(evidence.thresholds.get("sts") or bucket.door["endpoint"])
        self.account = self._account(target)
        self.audience = str(evidence.threshold("audience"))

    def _account(self, target: Target) -> str:
        deployment = self._kube.get("deployment", target.names.mlflow.deployment)
        return str(deployment["spec"]["template"]["spec"]["serviceAccountName"])

    def token(self, account: str, audience: str) -> str:
        """A new token of an account, as Kubernetes gives it."""
        return self._kube.run(
            "create", "token", account, f"--audience={audience}", f"--duration={_TOKEN_LIFETIME}"
        ).strip()

    def exchanged(self, token: str, account: str | None = None) -> Exchange:
        """What the STS answers to a token, for the role of an account: MLflow's by default."""
        about = self._kube.get("serviceaccount", account or self.account)["metadata"]
        role = about.get("annotations", {}).get(_ROLE)
        return exchange(self._send, self._endpoint, token, role)

    def expect_accepted(self, what: str, token: str) -> bool:
        """Hold it against keys: without this, every refusal says nothing."""
        seen = self.exchanged(token)
        self._evidence.note(f"{what}: answer", str(seen), door="inside")
        return self._evidence.expect(
            "keys", f"{what}: keys", bool(seen.keys), "==", True, door="inside"
        )

    def expect_refused(self, what: str, token: str) -> None:
        """Hold it against a refusal."""
        seen = self.exchanged(token)
        self._evidence.note(f"{what}: answer", str(seen), door="inside")
        self._evidence.expect(
            "status", f"{what}: status", seen.status, "in", [400, 403], door="inside"
        )
        self._evidence.expect("keys", f"{what}: keys", bool(seen.keys), "==", False, door="inside")


@pytest.fixture
def sts(evidence: Evidence, target: Target, kube: Kube, bucket: Bucket) -> _Sts:
    """The STS that MLflow exchanges its token at."""
    return _Sts(evidence, target, kube, bucket)


@check(
    "ART-2.tokens",
    impact="Any pod of the cluster, or anyone who can write a token, gets MLflow's bucket.",
    remedy="Bind the role to MLflow's own ServiceAccount and audience; with MinIO set a random "
    "MINIO_IDENTITY_OPENID_CLIENT_SECRET, for an empty one verifies what is signed by nothing.",
)
def test_foreign_tokens_are_refused(evidence: Evidence, sts: _Sts) -> None:
    """The STS gives keys for MLflow's own token, and for no other that looks like it.

    Steps:
        1. MLflow's ServiceAccount with the promised audience gets keys.
        2. Other ServiceAccounts, and its own with another audience, get none.
        3. Nor does its token when it is forged: signed by an empty or a known key (HS256), by
           nothing (none), by another key of RSA, or with claims that were changed.
    """
    genuine = sts.token(sts.account, sts.audience)
    if not sts.expect_accepted("MLflow's own token", genuine):
        return
    for account in evidence.parsed("others", list[str]):
        sts.expect_refused(f"ServiceAccount {account}", sts.token(account, sts.audience))
    for audience in evidence.parsed("other_audiences", list[str]):
        sts.expect_refused(f"audience {audience}", sts.token(sts.account, audience))
    token = Token.read(genuine)
    empty, known = hmac_sha256(b""), hmac_sha256(sts.audience.encode())
    forged = {
        "signed by an empty key": token.signed("HS256", empty),
        # MinIO keeps its client secret as the key of HS256 under the client's ID: the audience.
        "signed by an empty client secret": token.signed("HS256", empty, key_id=sts.audience),
        "signed by a guessed client secret": token.signed("HS256", known, key_id=sts.audience),
        "signed by nothing": token.signed("none", lambda _: b""),
        "signed by another key": token.signed("RS256", rsa_sha256(new_rsa_key())),
    }
    for what, text in forged.items():
        sts.expect_refused(what, text)
    other = evidence.parsed("others", list[str])[0]
    claims, signature = sts.token(other, sts.audience).split(".")[1], genuine.rsplit(".", 1)[1]
    header = genuine.split(".", 1)[0]
    sts.expect_refused("claims of another account", f"{header}.{claims}.{signature}")


@check(
    "ART-2.expired",
    impact="A token that leaked once opens the bucket for ever.",
    remedy="Let the STS hold tokens against their expiry, and its clock against the cluster's.",
)
def test_expired_tokens_are_refused(evidence: Evidence, kube: Kube, sts: _Sts) -> None:
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
    sign = rsa_sha256(planes[0].exec(["cat", _SIGNING_KEY]).stdout.encode())
    token = Token.read(sts.token(sts.account, sts.audience))
    if not sts.expect_accepted("signed anew", token.signed("RS256", sign)):
        return
    ago = int(evidence.number("expired_s_ago"))
    over = token.with_claims(
        iat=token.claims["iat"] - 3600, nbf=token.claims["iat"] - 3600,
        exp=int(time.time()) - ago,
    )  # fmt: skip
    sts.expect_refused(f"expired {ago} s ago", over.signed("RS256", sign))


class _Role(BaseModel):
    """An identity and the bucket that is its own: by its ServiceAccount, or by keys in a Secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    bucket: str
    service_account: str | None = None
    secret: str | None = None
    access_key: str = "s3-access-key"
    secret_key: str = "s3-secret-key"

    @model_validator(mode="after")
    def _one(self) -> "_Role":
        if (self.service_account is None) == (self.secret is None):
            raise ValueError("a role has a service_account or a secret: exactly one")
        return self


@check(
    "ART-4.roles",
    impact="A backup job that is taken over rewrites models; a server that is taken over deletes "
    "the backups.",
    remedy="Give each role the rights to its own bucket alone.",
)
def test_each_role_has_its_bucket_alone(
    evidence: Evidence, target: Target, kube: Kube, bucket: Bucket, unique: Unique
) -> None:
    """MLflow's identity cannot touch the backups, nor the backup's the artifacts.

    Steps:
        1. With each role's own credentials write, list and delete in its own bucket.
        2. With the same credentials write, list and delete in each other role's: refused, and
           nothing is there afterwards.
    """
    roles = evidence.parsed("roles", dict[str, _Role])
    key = f"{bucket.prefix}{unique('probe')}"

    def tried(name: str, where: str) -> dict[str, Any]:
        door = {**bucket.door, **_credentials(roles[name]), "bucket": where}
        call = partial(target.inside.call, door=door)
        return {
            "write": call("s3_put", key=key),
            "list": call("s3_try_list", prefix=bucket.prefix),
            "delete": call("s3_delete", key=key),
        }

    def _credentials(role: _Role) -> dict[str, str]:
        if role.secret is not None:
            kept = kube.secret(role.secret)
            return {"access_key": kept[role.access_key], "secret_key": kept[role.secret_key]}
        account = role.service_account or ""
        sts = _Sts(evidence, target, kube, bucket)
        token = sts.token(account, sts.audience)
        seen = sts.exchanged(token, account)
        if not seen.keys:
            evidence.undecided(f"the STS gives {account} no keys: {seen}")
        return dict(seen.keys)

    for name, role in roles.items():
        for where in sorted({r.bucket for r in roles.values()}):
            own = where == role.bucket
            evidence.expect(
                "seen", f"{name} in {'its own bucket' if own else where}", tried(name, where),
                "==", dict.fromkeys(("write", "list", "delete"), None if own else "AccessDenied"),
                door="s3",
            )  # fmt: skip
    for where in sorted({r.bucket for r in roles.values()}):
        left = Bucket(target.inside, {**bucket.door, "bucket": where}, "").objects(key)
        evidence.expect("left", f"left in {where}", [o.key for o in left], "==", [], door="s3")
