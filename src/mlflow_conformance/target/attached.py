# SPDX-License-Identifier: Apache-2.0
"""A target in a cluster: a kubeconfig, a context, and the profile's names."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow_conformance.cluster.failures import KubeFailed, NoKubernetes
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.reading import ABSENT
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import Inside, InsideFailed
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.target.base import HttpDoor, Target, TargetKind
from mlflow_conformance.target.runner import remove_runner, start_runner

_FIRST_REPLY_S = 15.0


def require_namespace(kube: Kube) -> None:
    """Make sure that the cluster answers and has the namespace.

    Raises:
        Unusable: it does not answer, refuses us, or has no such namespace.
    """
    path = f"/api/v1/namespaces/{kube.namespace}"
    try:
        found = kube.api.json(f"get {path}", "GET", path, timeout_s=_FIRST_REPLY_S)
    except NoKubernetes as problem:
        raise _stranger(kube) from problem
    except KubeFailed as problem:
        if problem.status == ABSENT:
            raise Unusable(
                f"There is no namespace {kube.namespace!r} in the cluster of {kube.context!r}",
                remedy="Name the one that MLflow is in with --namespace",
            ) from problem
        if problem.status is None:
            raise Unusable(
                f"The cluster of context {kube.context!r} does not answer: {problem.reason[:200]}",
                remedy="Check that it is up and that this machine reaches its API server",
            ) from problem
        raise Unusable(
            f"The cluster of {kube.context!r} refused to show the namespace {kube.namespace!r}: "
            f"{problem.status} {problem.reason}",
            remedy="Use a context that may read that namespace",
        ) from problem
    if found.get("metadata", {}).get("name") != kube.namespace:
        raise _stranger(kube)


def _stranger(kube: Kube) -> Unusable:
    return Unusable(
        f"What answers for the context {kube.context!r} is no Kubernetes API",
        remedy="Correct the server's address in the kubeconfig",
    )


@contextmanager
def open_target(
    kube: Kube,
    names: Names,
    *,
    kind: TargetKind,
    disruption_allowed: bool,
    own: bool,
    keep_runner: bool,
    waiter: Waiter,
    log: EvidenceLog,
) -> Iterator[Target]:
    """Open every door that the profile names, and close them again.

    Args:
        own: the deployment is the profile's own.

    Raises:
        Unusable: the cluster, the namespace or the runner cannot be used.
    """
    require_namespace(kube)
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        # Before it is made: a start that fails half-way must not leave its namespace behind.
        stack.callback(_end_runner, kube, names, keep=keep_runner)
        inside = start_runner(kube, names.runner, waiter)
        stack.callback(inside.close)
        private = stack.enter_context(TemporaryDirectory(prefix="mlflow-conformance-"))
        credentials = _credentials(kube, names, missing, log)
        sql = bucket = None
        if credentials and names.postgresql and names.auditor:
            sql = Sql(
                inside,
                {
                    "host": f"{names.postgresql.service}.{names.namespace}.svc",
                    "port": names.postgresql.port,
                    "dbname": names.postgresql.database,
                    "user": credentials[names.auditor.sql_username],
                    "password": credentials[names.auditor.sql_password],
                },
            )
        if credentials and names.s3 and names.auditor:
            door = {
                "endpoint": names.s3.endpoint,
                "region": names.s3.region,
                "bucket": names.s3.bucket,
                "access_key": credentials[names.auditor.s3_access_key],
                "secret_key": credentials[names.auditor.s3_secret_key],
            }
            if names.s3.ca_secret is None:
                bucket = Bucket(inside, door, names.s3.prefix)
            elif authority := _authority(kube, names.s3.ca_secret, "s3", missing):
                door["ca_file"] = _kept_inside(inside, authority)
                bucket = Bucket(inside, door, names.s3.prefix)
        yield Target(
            kind=kind,
            names=names,
            inside=inside,
            service_url=(
                f"http://{names.mlflow.service}.{names.namespace}.svc:{names.mlflow.port}"
            ),
            replica_urls=lambda: ready_replicas(kube, names),
            made_here=kind == "kind",
            disruption_allowed=disruption_allowed,
            own=own,
            front=_front(kube, names, Path(private), missing),
            sql=sql,
            bucket=bucket,
            kube=kube,
            missing=missing,
        )


def _end_runner(kube: Kube, names: Names, *, keep: bool) -> None:
    if keep:
        return
    try:
        remove_runner(kube, names.runner)
    except KubeFailed as problem:
        raise Unusable(
            f"The namespace {names.runner.namespace} of the runner could not be removed: {problem}",
            remedy=f"Delete it: kubectl delete namespace {names.runner.namespace}",
        ) from problem


def ready_replicas(kube: Kube, names: Names) -> list[str]:
    """The own URL of every MLflow pod that is ready and not terminating."""
    return [
        f"http://{pod.ip}:{names.mlflow.port}"
        for pod in kube.ready_pods(names.mlflow.selector, container=names.mlflow.container)
    ]


def _credentials(
    kube: Kube, names: Names, missing: dict[str, str], log: EvidenceLog
) -> dict[str, str] | None:
    if names.auditor is None:
        missing["sql"] = missing["s3"] = "the profile names no auditor Secret"
        return None
    try:
        secret = kube.secret(names.auditor.secret)
    except LookupError as problem:
        missing["sql"] = missing["s3"] = str(problem)
        return None
    wanted = [
        names.auditor.sql_username,
        names.auditor.sql_password,
        names.auditor.s3_access_key,
        names.auditor.s3_secret_key,
    ]
    absent = [key for key in wanted if key not in secret]
    if absent:
        missing["sql"] = missing["s3"] = (
            f"the Secret {names.auditor.secret} lacks {', '.join(absent)}"
        )
        return None
    for key in (names.auditor.sql_password, names.auditor.s3_secret_key):
        try:
            log.conceal(secret[key])
        except ValueError as problem:
            missing["sql"] = missing["s3"] = f"{key} of {names.auditor.secret}: {problem}"
            return None
    return secret


def _front(kube: Kube, names: Names, private: Path, missing: dict[str, str]) -> HttpDoor | None:
    if names.front is None:
        return None
    url = names.front.url.rstrip("/")
    if names.front.ca_secret is None:
        return HttpDoor(url)
    authority = _authority(kube, names.front.ca_secret, "front", missing)
    if authority is None:
        return None
    path = private / "front-ca.crt"
    path.write_text(authority)
    return HttpDoor(url, ca_file=str(path))


def _kept_inside(inside: Inside, authority: str) -> str:
    """The path of a file in the runner that holds these certificates."""
    try:
        return str(inside.call("keep_certificates", pem=authority))
    except InsideFailed as problem:
        raise Unusable(
            f"The runner cannot keep the certificate of the bucket: {problem}",
            remedy="Use the runner image that belongs to this version of the suite",
        ) from problem


def _authority(kube: Kube, name: str, door: str, missing: dict[str, str]) -> str | None:
    """The certificate by which a door is known, PEM; None with the reason in `missing`."""
    try:
        secret = kube.secret(name)
    except LookupError as problem:
        missing[door] = str(problem)
        return None
    certificate = secret.get("ca.crt") or secret.get("tls.crt")
    if not certificate:
        missing[door] = f"the Secret {name} has neither ca.crt nor tls.crt"
        return None
    try:
        ssl.PEM_cert_to_DER_cert(
            certificate[
                : certificate.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")
            ]
        )
    except ValueError as problem:
        missing[door] = f"the Secret {name} holds no certificate: {problem}"
        return None
    return certificate
