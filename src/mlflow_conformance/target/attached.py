# SPDX-License-Identifier: Apache-2.0
"""A target in a cluster: a kubeconfig, a context, and the profile's names."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from mlflow_conformance.cluster.failures import KubeFailed, NoKubernetes
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.reading import ABSENT
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import ClosedInside, Inside, InsideFailed
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.doors.statements import DRIVERS
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.target.base import HttpDoor, Target, TargetKind
from mlflow_conformance.target.concealing import keep_out
from mlflow_conformance.target.keys import Keys
from mlflow_conformance.target.own_image import S3_MODULES, send_s3, with_image
from mlflow_conformance.target.runner import Runner

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
                f"The cluster of context {kube.context!r} does not answer: {brief(problem.reason)}",
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
    run_id: str,
) -> Iterator[Target]:
    """Open every door that the profile names, and close them again.

    Args:
        own: the deployment is the profile's own.

    Raises:
        Unusable: the cluster, the namespace or the runner cannot be used.
    """
    require_namespace(kube)
    keep_out(kube, names, log)
    names = with_image(kube, names)
    missing: dict[str, str] = {}
    keys = Keys(kube, log, missing)
    with ExitStack() as stack:
        headers = keys.headers(names.mlflow.login)
        # Before it is made: a start that fails half-way must not leave its namespace behind.
        runner = Runner(kube, names, waiter, run_id)
        if not keep_runner:
            stack.callback(runner.end)
        inside = runner.start()
        stack.callback(inside.close)
        private = Path(stack.enter_context(TemporaryDirectory(prefix="mlflow-conformance-")))
        pods_ca_file = _know_pods(inside, keys, names, private)
        credentials = keys.auditor(names)
        yield Target(
            kind=kind,
            names=names,
            inside=inside,
            service_url=names.mlflow.url(
                f"{names.mlflow.service}.{names.namespace}.svc", of_service=True
            ),
            replica_urls=lambda: ready_replicas(kube, names),
            made_here=kind == "kind",
            disruption_allowed=disruption_allowed,
            own=own,
            front=_front(keys, names, private),
            sql=_sql(inside, keys, names, credentials),
            bucket=_bucket(inside, keys, names, credentials),
            kube=kube,
            missing=missing,
            inside_headers=headers,
            inside_ca_file=pods_ca_file,
        )


def read_only_target(kube: Kube, names: Names, log: EvidenceLog) -> Target:
    """A target of which only the cluster is read: it has no runner, and so no door to MLflow.

    Raises:
        Unusable: the cluster or the namespace cannot be used.
    """
    require_namespace(kube)
    keep_out(kube, names, log)
    why = "a read-only run makes no runner pod, and sends nothing to MLflow or its stores"
    return Target(
        kind="context",
        names=names,
        inside=ClosedInside(why),
        service_url="",
        replica_urls=list,
        made_here=False,
        disruption_allowed=False,
        kube=kube,
        missing=dict.fromkeys(("front", "sql", "s3"), why),
    )


def _know_pods(inside: Inside, keys: Keys, names: Names, private: Path) -> str | None:
    """Let the runner know the certificate of MLflow's pods, where they have one; its file here.

    Raises:
        Unusable: it cannot be had, and without it nothing can be asked of any pod.
    """
    if names.mlflow.scheme == "http" or names.mlflow.ca_secret is None:
        return None
    pem = keys.authority(names.mlflow.ca_secret, "inside")
    if pem is None:
        raise Unusable(
            f"The certificate of MLflow's pods cannot be had: {keys.missing['inside']}",
            remedy="Correct `names.mlflow.ca_secret` in the profile",
        )
    service = f"{names.mlflow.service}.{names.namespace}.svc"
    _asked(
        inside,
        "know_pods",
        pem=pem,
        name=names.mlflow.certificate_name or service,
        called=[service],
    )
    path = private / "pods-ca.crt"
    path.write_text(pem)
    return str(path)


def _sql(inside: Inside, keys: Keys, names: Names, credentials: Mapping[str, str]) -> Sql | None:
    where, auditor = names.postgresql, names.auditor
    if where is None or auditor is None or "sql" in keys.missing:
        return None
    if set(_lacking(inside, DRIVERS)) == set(DRIVERS):
        keys.missing["sql"] = (
            f"the runner's image {names.runner.image} has neither {' nor '.join(DRIVERS)}: name "
            "one that has under names.runner.image"
        )
        return None
    dsn: dict[str, str | int] = {
        "host": where.address(names.namespace),
        "port": where.port,
        "dbname": where.database,
        "user": credentials[auditor.sql_username],
        "password": credentials[auditor.sql_password],
    }
    if where.sslmode:
        dsn["sslmode"] = where.sslmode
    if where.ca_secret:
        authority = keys.authority(where.ca_secret, "sql")
        if authority is None:
            return None
        dsn["sslrootcert"] = _asked(inside, "keep_certificates", pem=authority)
    return Sql(inside, dsn)


def _bucket(
    inside: Inside, keys: Keys, names: Names, credentials: Mapping[str, str]
) -> Bucket | None:
    where, auditor = names.s3, names.auditor
    if where is None or auditor is None or "s3" in keys.missing:
        return None
    if lacking := _lacking(inside, S3_MODULES):
        send_s3(keys.kube, names.runner.namespace, lacking)
    door = {
        "endpoint": where.endpoint,
        "region": where.region,
        "bucket": where.bucket,
        "access_key": credentials[auditor.s3_access_key],
        "secret_key": credentials[auditor.s3_secret_key],
    }
    if auditor.s3_session_token:
        door["session_token"] = credentials[auditor.s3_session_token]
    if where.ca_secret:
        authority = keys.authority(where.ca_secret, "s3")
        if authority is None:
            return None
        door["ca_file"] = _asked(inside, "keep_certificates", pem=authority)
    return Bucket(inside, door, where.prefix)


def _lacking(inside: Inside, modules: Sequence[str]) -> list[str]:
    """The modules that the runner's Python does not have."""
    return cast(list[str], _asked(inside, "lacking", modules=list(modules)))


def _front(keys: Keys, names: Names, private: Path) -> HttpDoor | None:
    where = names.front
    if where is None:
        return None
    ca_file = client_file = None
    if where.ca_secret:
        authority = keys.authority(where.ca_secret, "front")
        if authority is None:
            return None
        path = private / "front-ca.crt"
        path.write_text(authority)
        ca_file = str(path)
    if where.client_secret:
        client_file = keys.identity(where.client_secret, private)
        if client_file is None:
            return None
    headers = keys.headers(where.login or names.mlflow.login)
    return HttpDoor(where.url.rstrip("/"), ca_file, headers, client_file)


def _asked(inside: Inside, op: str, **arguments: Any) -> Any:
    """What the runner answers.

    Raises:
        Unusable: it does not.
    """
    try:
        return inside.call(op, **arguments)
    except InsideFailed as problem:
        raise Unusable(
            f"The runner does not do as it is asked: {problem}",
            remedy="Use the runner image that belongs to this version of the suite",
        ) from problem


def ready_replicas(kube: Kube, names: Names) -> list[str]:
    """The own URL of every MLflow pod that is ready and not terminating."""
    return [
        names.mlflow.url(pod.ip)
        for pod in kube.ready_pods(names.mlflow.selector, container=names.mlflow.container)
        if pod.ip
    ]
