# SPDX-License-Identifier: Apache-2.0
"""ServiceMonitors: which Services they select, and why one leads to no target."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.selectors import matches
from mlflow_conformance.observability.shipped import MONITORS

_KIND = f"{MONITORS}.monitoring.coreos.com"


@dataclass(frozen=True)
class Monitor:
    """One ServiceMonitor.

    Attributes:
        spaces: the namespaces in which it looks for Services; None for all.
        ports: the port that each of its endpoints names; "" where it names none.
    """

    namespace: str
    name: str
    selector: Mapping[str, Any]
    spaces: Collection[str] | None
    ports: Sequence[str]

    @property
    def pools(self) -> list[str]:
        """What the operator calls the scrape pools that it makes of it, one for each endpoint."""
        return [f"serviceMonitor/{self.namespace}/{self.name}/{n}" for n in range(len(self.ports))]

    def selects(self, service: Mapping[str, Any]) -> bool:
        """Whether it is about a Service."""
        meta = service["metadata"]
        somewhere = self.spaces is None or meta["namespace"] in self.spaces
        return somewhere and matches(self.selector, meta.get("labels") or {})


def monitors(kube: Kube) -> list[Monitor]:
    """Every ServiceMonitor of the cluster.

    Raises:
        KubeFailed: they may not be listed, or the cluster has no such kind.
    """
    return [_monitor(thing) for thing in kube.items(_KIND, namespace="")]


def _monitor(thing: Mapping[str, Any]) -> Monitor:
    meta, spec = thing["metadata"], thing["spec"]
    where = spec.get("namespaceSelector") or {}
    spaces = where.get("matchNames") or [meta["namespace"]]
    return Monitor(
        meta["namespace"],
        meta["name"],
        spec.get("selector") or {},
        None if where.get("any") else spaces,
        [str(e.get("port") or "") for e in spec.get("endpoints") or []],
    )


def why_not_scraped(
    service: Mapping[str, Any], found: Sequence[Monitor], pools: Collection[str]
) -> str:
    """Why Prometheus has no target of a Service, in words.

    Args:
        service: the Service.
        found: every ServiceMonitor.
        pools: the scrape pools that Prometheus has.
    """
    meta = service["metadata"]
    called = f"Service {meta['name']}"
    selecting = [monitor for monitor in found if monitor.selects(service)]
    if not selecting:
        near = [m for m in found if m.namespace == meta["namespace"]]
        said = "; ".join(f"{m.name} asks for {_words(m.selector)}" for m in near)
        return f"no ServiceMonitor selects the labels of {called}{f': {said}' if said else ''}"
    return "; ".join(reason for m in selecting for reason in _reasons(m, service, pools))


def _reasons(monitor: Monitor, service: Mapping[str, Any], pools: Collection[str]) -> Iterator[str]:
    called = f"Service {service['metadata']['name']}"
    ports = [str(port.get("name", "")) for port in service["spec"].get("ports") or []]
    for pool, port in zip(monitor.pools, monitor.ports, strict=True):
        if pool not in pools:
            yield (
                f"Prometheus does not take ServiceMonitor {monitor.namespace}/{monitor.name}: its "
                "own selectors leave it out, or its operator refuses it"
            )
        elif port and port not in ports:
            yield (
                f"ServiceMonitor {monitor.name} asks for a port called {port}, and {called} has "
                f"{', '.join(filter(None, ports)) or 'none with a name'}"
            )
        else:
            yield f"ServiceMonitor {monitor.name} selects {called}, and a relabelling drops it"


def _words(selector: Mapping[str, Any]) -> str:
    labels = [f"{k}={v}" for k, v in (selector.get("matchLabels") or {}).items()]
    return ", ".join([*labels, *map(str, selector.get("matchExpressions") or [])]) or "everything"
