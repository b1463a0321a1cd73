# SPDX-License-Identifier: Apache-2.0
"""The STS that exchanges tokens of ServiceAccounts for keys of the object store."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.doors.http import Reply, Sender
from mlflow_conformance.doors.inside import Inside, InsideSender
from mlflow_conformance.doors.s3 import Bucket

ROLE = "eks.amazonaws.com/role-arn"
"""The annotation of a ServiceAccount that names its role."""

_TIMEOUT_S = 30
_KEYS_LAST_S = 900  # the shortest that an STS gives keys for
_LIFETIME_S = 600  # the shortest that Kubernetes gives
_KEYS = {
    "access_key": "AccessKeyId", "secret_key": "SecretAccessKey", "session_token": "SessionToken"
}  # fmt: skip


@dataclass(frozen=True)
class Exchange:
    """What an STS answered to a token.

    Attributes:
        code: of its error; empty when it gave keys.
        keys: access key, secret key and session token, by the names that a door to S3 has; empty
            when it gave none.
    """

    status: int
    code: str
    keys: Mapping[str, str]

    def __str__(self) -> str:
        gave = "keys" if self.keys else "neither keys nor an error code"
        return f"HTTP {self.status} {self.code or gave}"


def exchange(send: Sender, endpoint: str, token: str, role: str | None) -> Exchange:
    """Ask an STS for keys by a web identity token (AssumeRoleWithWebIdentity).

    Raises:
        NoReply: it did not answer.
    """
    asked = {
        "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15",
        "WebIdentityToken": token, "DurationSeconds": str(_KEYS_LAST_S),
        **({"RoleArn": role, "RoleSessionName": "mlflow-conformance"} if role else {}),
    }  # fmt: skip
    reply = send(
        "POST",
        endpoint.rstrip("/") + "/",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(asked).encode(),
        timeout_s=_TIMEOUT_S,
    )
    return _read(reply)


@dataclass(frozen=True)
class Sts:
    """An STS, and tokens for it from the cluster.

    Attributes:
        endpoint: its URL as seen from the runner.
    """

    kube: Kube
    send: Sender
    endpoint: str

    @classmethod
    def of(cls, kube: Kube, inside: Inside, bucket: Bucket, url: str | None) -> Self:
        """The STS at a URL, else that of a bucket: MinIO's STS is where its S3 is."""
        send = InsideSender(inside, bucket.door.get("ca_file"))
        return cls(kube, send, url or bucket.door["endpoint"])

    def token(self, account: str, audience: str) -> str:
        """A new token of a ServiceAccount, as Kubernetes gives it.

        Raises:
            KubeFailed: the API server refused.
        """
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": _LIFETIME_S},
        }
        return str(self.kube.ask("serviceaccount", account, "token", request)["status"]["token"])

    def exchanged(self, token: str, account: str) -> Exchange:
        """What it answers to a token, for the role of an account.

        Raises:
            KubeFailed: the account cannot be read.
            NoReply: it did not answer.
        """
        about = self.kube.get("serviceaccount", account)["metadata"]
        role = about.get("annotations", {}).get(ROLE)
        return exchange(self.send, self.endpoint, token, role)


def account_of(kube: Kube, names: MlflowNames) -> str:
    """The ServiceAccount that the server's pods have.

    Raises:
        KubeFailed: it cannot be read.
    """
    found = kube.get(names.kind, names.deployment)
    return str(found["spec"]["template"]["spec"].get("serviceAccountName", "default"))


def _read(reply: Reply) -> Exchange:
    def element(name: str) -> str:
        found = re.search(rf"<{name}>([^<]*)</{name}>", reply.text)
        return found.group(1) if found else ""

    keys = {key: element(name) for key, name in _KEYS.items()}
    return Exchange(reply.status, element("Code"), keys if all(keys.values()) else {})
