# SPDX-License-Identifier: Apache-2.0
"""A Jaeger that takes the deployment's traces, for as long as checks need it.

Only on a cluster that was made here.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.stand.temporary import brought, make, namespace_of, parts_of, wait_ready

_BUNDLE, _FILE = "tracing", "deployment/kind/tracing/jaeger.yaml"
_PODS = {"app": "jaeger"}
_TAKES, _ASKED = 4318, 16686


@dataclass(frozen=True)
class Collector:
    """A Jaeger that was installed.

    Attributes:
        namespace: where it is.
        pods: labels of its pod.
        takes: where it takes traces by OTLP over HTTP, as the runner reaches it.
        asked_port: the pod's port of its query service.
        query: the URL of that service, as the runner reaches it.
    """

    namespace: str
    pods: dict[str, str]
    takes: str
    asked_port: int
    query: str


@contextmanager
def jaeger(
    kube: Kube, namespace: str, collector: str, waiter: Waiter, *, root: Path
) -> Iterator[Collector]:
    """Install it, and remove it on the way out.

    Args:
        namespace: where it is installed; made here if there is none.
        collector: the name of its Service.
        root: what holds the `deployment/` from which it is installed.

    Raises:
        Unusable: there is such a Service already, or the image cannot be had.
        KubeFailed, TimedOut: it could not be installed, or was not ready in time.
    """
    there = kube.within(namespace)
    if there.find("service", collector) is not None:
        raise Unusable(
            f"There is a Service {namespace}/{collector} already, and a Jaeger would be installed "
            "by that name",
            remedy=f"If an earlier run left it: kubectl delete namespace {namespace}; if you have "
            "a Jaeger there, name it under names.tracing.query",
        )
    words = {**brought(kube, _BUNDLE), "collector": collector}
    with ExitStack() as made:
        make(made, kube, [namespace_of(namespace)], waiter, timeout="namespace gone")
        make(made, there, parts_of(root / _FILE, words), waiter)
        wait_ready(there, _PODS, waiter)
        host = f"http://{collector}.{namespace}.svc"
        yield Collector(namespace, _PODS, f"{host}:{_TAKES}", _ASKED, f"{host}:{_ASKED}")
