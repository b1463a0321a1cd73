# SPDX-License-Identifier: Apache-2.0
"""KServe, a server of MLflow's models and a gateway before them, for as long as checks need them.

Only on a cluster that was made here. Models are fetched from the deployment's own bucket, by the
account that can only read; the policies of the bucket's pods let them in meanwhile.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.config.names import S3Names
from mlflow_conformance.core.certificate import certificate_of
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.stand import images
from mlflow_conformance.stand.client import SECRET, client_of, secret_of
from mlflow_conformance.stand.deploy.rendered import objects
from mlflow_conformance.stand.temporary import (
    Manifest,
    brought,
    make,
    make_kinds,
    need_free,
    parts_of,
    wait_ready,
)
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.own_image import own_image

_BUNDLE = "serving"
_KSERVE, _GATEWAY_API = "go.kserve", "go.gateway-api"
_DEFINITIONS = (
    (_KSERVE, "files/config/crd/minimal", "**/serving.kserve.io_*s.yaml"),
    (_GATEWAY_API, "files/config/crd/standard", "*.yaml"),
)
_NOT_OF_THE_CONTROLLER = ("llmisvc", "localmodel")
_ROLE = "files/config/rbac/role.yaml"
_FOLDER = "deployment/kind/serving"
_NAMESPACE, _RIGHTS, _WEBHOOKS, _STORE = (
    "namespace.yaml",
    "rights.yaml",
    "webhooks.yaml",
    "store.yaml",
)
_IN_NAMESPACE = ("controller.yaml", "gateway.yaml", "runtime.yaml")
_SOURCE = "register.py"
_ASKED = "kserve-webhooks"
_GATEWAY = "models"
_ACCOUNT, _AUTHORITY = "bucket", "bucket-authority"
_TRUSTED_AT = "/etc/ssl/bucket/cabundle.crt"
KIND = "inferenceservices.serving.kserve.io"
"""What KServe calls a model that it serves."""
_ABOUT = "serving.kserve.io/s3-"


@dataclass(frozen=True)
class InstalledKServe:
    """KServe, installed.

    Attributes:
        namespace: in which models are served.
        gateway: the URL before those that share requests, without a path.
        words: what the manifests of `folder` are filled with, besides what a model's own are.
    """

    namespace: str
    gateway: str
    folder: Path
    words: dict[str, Any] = field(repr=False)


@contextmanager
def kserve(target: Target, namespace: str, waiter: Waiter) -> Iterator[InstalledKServe]:
    """Install it, and remove it on the way out.

    Args:
        namespace: where it is installed and models are served; made here.

    Raises:
        Unusable: the namespace exists already, MLflow has a certificate, its workload or container
            is not there, or an image cannot be had.
        Undecided: there is no account of the bucket, or none that KServe takes.
        KubeFailed, TimedOut: it could not be installed, or was not ready in time.
    """
    kube, there = target.need_kube(), target.need_kube().within(namespace)
    need_free(kube, namespace, "KServe would be installed", "names.serving.namespace")
    client, bucket = client_of(target, "INT-2"), target.need_bucket()
    store = target.names.s3
    if store is None:
        raise Undecided("the profile does not say where the bucket is (names.s3)")
    account = bucket_account(kube, store, bucket)
    folder, certificate = target.root / _FOLDER, certificate_of(f"{_ASKED}.{namespace}.svc")
    words: dict[str, Any] = {
        **brought(kube, _BUNDLE),
        "traefik": images.load_pins().bundle["traefik"].images["traefik"][0],
        _SOURCE: (folder / _SOURCE).read_text(encoding="utf-8"),
        "image": own_image(kube, target.names),
        "serving": namespace,
        "namespace": target.names.namespace,
        "runner labels": dict(target.names.runner.labels),
        "store pods": dict(store.selector),
        "webhooks": _ASKED,
        "gateway": _GATEWAY,
        "authority": base64.b64encode(certificate.certificate.encode()).decode(),
    }
    built = images.build_on_demand(_BUNDLE, lambda _: None)
    keys = {"tls.crt": certificate.certificate, "tls.key": certificate.key}
    with ExitStack() as made:
        make_kinds(made, kube, definitions(built), waiter)
        make(made, kube, objects((built[_KSERVE] / _ROLE).read_text(encoding="utf-8")), waiter)
        make(made, kube, parts_of(folder / _NAMESPACE, words), waiter, timeout="namespace gone")
        make(made, kube, parts_of(folder / _RIGHTS, words), waiter)
        if store.selector:
            make(made, kube, parts_of(folder / _STORE, words), waiter)
        there.apply([secret_of(SECRET, client), secret_of(_ASKED, keys), *account])
        for name in _IN_NAMESPACE:
            there.apply(parts_of(folder / name, words))
        wait_ready(there, {"app": "kserve-controller"}, waiter)
        wait_ready(there, {"app": "gateway"}, waiter)
        make(made, kube, parts_of(folder / _WEBHOOKS, words), waiter)
        # The controller alone can let go of one: it must not end before them.
        made.callback(partial(_without_models, there, waiter))
        yield InstalledKServe(namespace, f"http://{_GATEWAY}.{namespace}.svc", folder, words)


def definitions(built: Mapping[str, Path]) -> list[Manifest]:
    """The kinds of KServe's controller and of the gateway, from their modules' files."""
    return [
        thing
        for step, below, pattern in _DEFINITIONS
        for path in sorted((built[step] / below).glob(pattern))
        if path.parent.name not in _NOT_OF_THE_CONTROLLER
        for thing in objects(path.read_text(encoding="utf-8"))
    ]


def bucket_account(kube: Kube, store: S3Names, bucket: Bucket) -> list[Manifest]:
    """By what KServe reads the bucket: a Secret as it wants it, and whom to trust.

    Raises:
        Undecided: the account is one of a session, which KServe does not take.
        LookupError: the Secret of the bucket's certificate cannot be read.
    """
    if "session_token" in bucket.door:
        raise Undecided("KServe takes no session token for the bucket: give the auditor an account")
    about = {
        f"{_ABOUT}endpoint": store.endpoint,
        f"{_ABOUT}verifyssl": "1",
        f"{_ABOUT}region": store.region,
    }
    needed: list[Manifest] = []
    if store.ca_secret:
        found = kube.secret(store.ca_secret)
        about[f"{_ABOUT}cabundle"] = _TRUSTED_AT
        about[f"{_ABOUT}cabundle-configmap"] = _AUTHORITY
        file = {_TRUSTED_AT.rpartition("/")[2]: found.get("ca.crt") or found["tls.crt"]}
        needed.append(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": _AUTHORITY},
                "data": file,
            }
        )
    keys = {
        "AWS_ACCESS_KEY_ID": bucket.door["access_key"],
        "AWS_SECRET_ACCESS_KEY": bucket.door["secret_key"],
    }
    secret = secret_of(_ACCOUNT, keys)
    secret["metadata"]["annotations"] = about
    return [*needed, secret]


def _without_models(there: Kube, waiter: Waiter) -> None:
    with uninterrupted():
        for thing in there.items(KIND):
            removed(there, KIND, thing["metadata"]["name"], waiter)
