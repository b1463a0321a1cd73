# SPDX-License-Identifier: Apache-2.0
"""Argo Workflows, with workflows that use MLflow, for as long as checks need it.

Only on a cluster that was made here. Steps have MLflow's own image and reach it as any client does,
from a namespace that the network policies authorize. What MLflow's webhooks are sent to stands
beside the runner, where those policies admit a receiver.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.stand import images
from mlflow_conformance.stand.client import SECRET, client_of, secret_of
from mlflow_conformance.stand.deploy.rendered import objects
from mlflow_conformance.stand.temporary import (
    brought,
    make,
    make_kinds,
    need_free,
    parts_of,
    wait_ready,
)
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.own_image import own_image

_BUNDLE, _PROGRAMS = "workflows", "go.argo-workflows"
_DEFINITIONS = "files/manifests/base/crds/minimal"
_FOLDER = "deployment/kind/workflows"
_NAMESPACE, _TRIGGER = "namespace.yaml", "trigger.yaml"
_IN_NAMESPACE = ("controller.yaml", "templates.yaml")
_SOURCES = ("log.py", "register.py", "deploy.py", "trigger.py")
_NAME, _KEY, _PORT = "mlflow-trigger", "webhook-secret", 8085


@dataclass(frozen=True)
class Installed:
    """Argo Workflows, installed.

    Attributes:
        namespace: in which workflows run.
        trigger: the URL to which MLflow's webhooks are sent.
        secret: by which those are signed.
    """

    namespace: str
    trigger: str
    secret: str = field(repr=False)


@contextmanager
def argo(target: Target, namespace: str, waiter: Waiter) -> Iterator[Installed]:
    """Install it, and remove it on the way out.

    Args:
        namespace: where it is installed; made here.

    Raises:
        Unusable: the namespace exists already, MLflow has a certificate, its workload or container
            is not there, or an image cannot be had.
        KubeFailed, TimedOut: it could not be installed, or was not ready in time.
    """
    kube, runner = target.need_kube(), target.names.runner
    need_free(kube, namespace, "Argo Workflows would be installed", "names.workflows.namespace")
    client = client_of(target, "INT-1")
    folder, secret = target.root / _FOLDER, f"conformance-{secrets.token_hex(16)}"
    words = {
        **brought(kube, _BUNDLE),
        **{name: (folder / name).read_text(encoding="utf-8") for name in _SOURCES},
        "image": own_image(kube, target.names),
        "workflows": namespace,
        "runner": runner.namespace,
        "runner labels": dict(runner.labels),
    }
    built = images.build_on_demand(_BUNDLE, lambda _: None)[_PROGRAMS] / _DEFINITIONS
    definitions = [
        thing
        for path in sorted(built.glob("argoproj.io_*.yaml"))
        for thing in objects(path.read_text(encoding="utf-8"))
    ]
    there, beside = kube.within(namespace), kube.within(runner.namespace)
    with ExitStack() as made:
        make_kinds(made, kube, definitions, waiter)
        make(made, kube, parts_of(folder / _NAMESPACE, words), waiter, timeout="namespace gone")
        there.apply([secret_of(SECRET, client)])
        for name in _IN_NAMESPACE:
            there.apply(parts_of(folder / name, words))
        trigger = parts_of(folder / _TRIGGER, words)
        make(made, beside, [secret_of(_NAME, {_KEY: secret}), *trigger], waiter)
        wait_ready(there, {"app": "workflow-controller"}, waiter)
        wait_ready(beside, {"app": _NAME}, waiter)
        yield Installed(namespace, f"http://{_NAME}.{runner.namespace}.svc:{_PORT}/", secret)
