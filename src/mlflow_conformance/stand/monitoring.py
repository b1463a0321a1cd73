# SPDX-License-Identifier: Apache-2.0
"""A Prometheus with its operator and an Alertmanager, for as long as checks need it.

Only on a cluster that was made here.
The deployment's own monitors, rules and dashboards come before Prometheus, as on a cluster that
has had them for long: what an operator writes for a Prometheus that runs already reaches it a
minute later.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.stand import images
from mlflow_conformance.stand.deploy.rendered import objects
from mlflow_conformance.stand.temporary import (
    Manifest,
    brought,
    make,
    make_kinds,
    namespace_of,
    parts_of,
    wait_ready,
)

_BUNDLE, _OPERATOR = "monitoring", "go.prometheus-operator"
_DEFINITIONS = "files/example/prometheus-operator-crd/monitoring.coreos.com_{}.yaml"
_KINDS = ("podmonitors", "probes", "prometheuses", "prometheusrules", "scrapeconfigs",
          "servicemonitors")  # fmt: skip
_FOLDER = "deployment/kind/monitoring"
_PARTS = ("kube-state-metrics", "operator", "alertmanager", "prometheus")
_PODS = (
    {"app": "alertmanager"},
    {"app": "kube-state-metrics"},
    {"app": "prometheus-operator"},
    {"prometheus": "conformance"},
)


@contextmanager
def stack(
    kube: Kube,
    namespace: str,
    watched: Sequence[Manifest],
    waiter: Waiter,
    *,
    root: Path,
    receiver: str,
) -> Iterator[str]:
    """Install it, and remove it on the way out; the URL of Prometheus as the runner reaches it.

    Args:
        namespace: where it is installed; made here.
        watched: the deployment's own monitors, rules and dashboards, which are there as long.
        root: what holds the `deployment/` from which it is installed.
        receiver: URL to which alerts for people are sent.

    Raises:
        Unusable: the namespace exists already, or an image cannot be had.
        KubeFailed, TimedOut: it could not be installed, or was not ready in time.
    """
    if kube.find("namespace", namespace) is not None:
        raise Unusable(
            f"There is a namespace {namespace} already, and a Prometheus would be installed in it",
            remedy=f"If an earlier run left it: kubectl delete namespace {namespace}; if you have "
            "a Prometheus there, name it under names.monitoring.prometheus",
        )
    words = brought(kube, _BUNDLE)
    built = images.build_on_demand(_BUNDLE, lambda _: None)
    definitions = [
        thing
        for kind in _KINDS
        for thing in objects((built[_OPERATOR] / _DEFINITIONS.format(kind)).read_text("utf-8"))
    ]
    words |= {"namespace": namespace, "watched": kube.namespace, "receiver": receiver}
    parts = [thing for part in _PARTS for thing in parts_of(root / _FOLDER / f"{part}.yaml", words)]
    there = kube.within(namespace)
    with ExitStack() as made:
        make_kinds(made, kube, definitions, waiter)
        make(made, kube, watched, waiter)
        of_all = [thing for thing in parts if thing["kind"].startswith("ClusterRole")]
        make(made, kube, of_all, waiter)
        make(made, kube, [namespace_of(namespace)], waiter, timeout="namespace gone")
        there.apply([thing for thing in parts if thing not in of_all])
        for labels in _PODS:
            wait_ready(there, labels, waiter)
        yield f"http://prometheus-operated.{namespace}.svc:9090"
