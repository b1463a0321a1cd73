# SPDX-License-Identifier: Apache-2.0
"""MLflow's identity at the object store: by its ServiceAccount, without keys that last."""

import time
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from mlflow_conformance.artifacts import environment
from mlflow_conformance.artifacts.sts import ROLE
from mlflow_conformance.artifacts.thresholds import StaticKeys
from mlflow_conformance.artifacts.tokens import Token
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi, new_run
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target

# Where botocore looks before it asks for a web identity ("Credentials", AWS SDK for Python).
_STATIC = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "BOTO_CONFIG",
)  # fmt: skip
# Keys from a neighbour, which are no lasting ones where he asks for a token (EKS Pod Identity).
_NEIGHBOUR = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN_FOR_NEIGHBOUR = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
_WEB_IDENTITY = "AWS_WEB_IDENTITY_TOKEN_FILE"
_FILES = "(aws_secret_access_key|aws_access_key_id)[[:space:]]*=|(AKIA|ASIA)[A-Z0-9]{16}"
# Names alone leave the pod, of every process in the container.
_NAMES = (
    "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | "
    "sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p' | sort -u"
)
_SEARCH = (
    'for p in "$@" "${HOME:-/root}/.aws" "${HOME:-/root}/.boto"; do '
    'grep -rlEs -- "$0" "$p"; done | sort -u'
)
_LEAST_VARIABLES = 5  # PATH, HOME, HOSTNAME and two of the Service are in every container
_TOKEN = (
    f'cut -d. -f1,2 "${{{_WEB_IDENTITY}:-${_TOKEN_FOR_NEIGHBOUR}}}"; printf "%s\\n" "$AWS_ROLE_ARN"'
)


@check(
    "ART-2",
    impact="Who reads the pod's environment or its files has the bucket for as long as nobody "
    "changes the keys.",
    remedy="Remove the keys from the Deployment and its Secrets; annotate the ServiceAccount with "
    "the role, and let the pod use its projected token.",
    writes=("mlflow", "cluster"),
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
        1. In each running server's container read the names in the environment of every process,
           and search what is mounted, and the home folder, for keys; read which variables the other
           containers of its pod are given.
        2. Read what the projected token says, without its signature: whose it is, for whom and for
           how long. The role is that of the ServiceAccount's annotation, where the pod has one.
        3. Store an artifact: it is in the bucket.
    """  # fmt: skip
    row = evidence.row(StaticKeys)
    names = target.names.mlflow
    pods = kube.ready_pods(names.selector, container=names.container)
    if not pods:
        evidence.undecided("no pod of MLflow is ready that could be looked into")
    for pod in pods:
        run = partial(kube.exec, pod.name, container=names.container)
        variables = run("sh", "-c", _NAMES).split()
        if len(variables) < _LEAST_VARIABLES:
            evidence.undecided(f"{pod.name}: {len(variables)} names of variables could be read")
        evidence.expect(
            "environment.keys", f"{pod.name}: variables that hold keys",
            [v for v in variables if _lasting(v, variables)], "==", [],
            door="kubernetes",
        )  # fmt: skip
        given = list(environment.of_others(kube, pod.raw, names.container))
        evidence.expect(
            "containers.keys", f"{pod.name}: containers that are given variables that hold keys",
            [f"{container}: {variable}" for container, variable in given
             if _lasting(variable, [v for c, v in given if c == container])],
            "==", [], door="kubernetes",
        )  # fmt: skip
        (container,) = (c for c in pod.raw["spec"]["containers"] if c["name"] == names.container)
        mounted = [m["mountPath"] for m in container.get("volumeMounts", [])]
        evidence.note(f"{pod.name}: mounts searched", mounted, door="kubernetes")
        found = run("sh", "-c", _SEARCH, _FILES, *mounted, "/root/.aws", "/etc/boto.cfg")
        evidence.expect(
            "files.keys",
            f"{pod.name}: files that hold keys",
            found.splitlines(),
            "==",
            [],
            door="kubernetes",
        )
        try:
            said, role = run("sh", "-c", _TOKEN).splitlines()
        except (KubeFailed, ValueError):
            evidence.expect(
                "token.projected",
                f"{pod.name}: projected token",
                "none",
                "==",
                "read",
                door="kubernetes",
            )
            continue
        _judge_token(evidence, row, pod.raw, Token.read(said))
        if _WEB_IDENTITY in variables:
            account = kube.get("serviceaccount", pod.raw["spec"]["serviceAccountName"])
            annotations = account["metadata"].get("annotations", {})
            evidence.expect(
                "role", f"{pod.name}: role", role, "==", annotations.get(ROLE), door="kubernetes"
            )
    run_id = new_run(front, experiment).run_id
    key = f"{experiment}/{run_id}/artifacts/keyless.txt"
    put = front.request("PUT", f"{ARTIFACTS}/{key}", body=b"keyless")
    evidence.expect("artifact.stored", "artifact stored", put.status, "==", 200, door="front")
    stored = [o.size for o in bucket.objects(key)]
    evidence.expect("artifact.objects", "objects of it", stored, "==", [len(b"keyless")], door="s3")


def _judge_token(evidence: Evidence, row: StaticKeys, pod: Mapping[str, Any], token: Token) -> None:
    name, account = pod["metadata"]["name"], pod["spec"]["serviceAccountName"]
    namespace = pod["metadata"]["namespace"]
    claims = token.claims
    evidence.expect(
        "token.subject", f"{name}: whose token",
        claims.get("sub"), "==", f"system:serviceaccount:{namespace}:{account}", door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "token.audience", f"{name}: for whom", claims.get("aud"), "==", [row.audience],
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "token.lifetime", f"{name}: how long it lasts",
        claims.get("exp", 0) - claims.get("iat", 0), "<=", row.token_lifetime_s,
        unit="s", door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "token.left", f"{name}: seconds that are left",
        claims.get("exp", 0) - round(time.time()), ">=", 1, unit="s", door="kubernetes",
    )  # fmt: skip


def _lasting(variable: str, others: Collection[str]) -> bool:
    """Whether a variable gives keys that last, beside the others of its container."""
    if variable == _NEIGHBOUR:
        return _TOKEN_FOR_NEIGHBOUR not in others
    return variable in _STATIC
