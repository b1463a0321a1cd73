# SPDX-License-Identifier: Apache-2.0
"""Where MLflow, PostgreSQL and the bucket answer inside the cluster: Services and single pods."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from mlflow_conformance.clients.kube import Kube
from mlflow_conformance.errors import Undecided
from mlflow_conformance.probes.matrix import Destination, Service
from mlflow_conformance.profile import Names

_SAYS: Mapping[Service, str] = {
    "mlflow": "GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n",
    # SSLRequest: any server answers with one byte before it asks for credentials.
    # Source: PostgreSQL documentation, Message Formats.
    "postgresql": "\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "s3": "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
}


def destinations(kube: Kube, names: Names) -> Sequence[Destination]:
    """Every address of the deployment's services, as numbers: a denied probe has no DNS either.

    Raises:
        Undecided: a Service has no address or no ready pod, so nothing could be shown about it.
    """
    found: list[Destination] = []
    for service, name, port, selector in _inside(names):
        address = kube.core.read_namespaced_service(
            name, names.namespace, _request_timeout=15
        ).spec.cluster_ip
        ready = [p for p in kube.pods(selector) if p.ready and p.ip and not p.terminating]
        if not ready:
            raise Undecided(f"no pod of {service} is ready, so nothing can be reached or denied")
        say = _SAYS[service]
        if address and address != "None":
            found.append(Destination(f"{service} service", service, address, port, say))
        found += [Destination(f"pod {p.name}", service, p.ip, port, say) for p in ready if p.ip]
    return found


def _inside(names: Names) -> Sequence[tuple[Service, str, int, Mapping[str, str]]]:
    """The services that run in the cluster: kind, Service name, port, pods."""
    found: list[tuple[Service, str, int, Mapping[str, str]]] = [
        ("mlflow", names.mlflow.service, names.mlflow.port, names.mlflow.selector)
    ]
    if names.postgresql and names.postgresql.selector:
        database = names.postgresql
        found.append(("postgresql", database.service, database.port, database.selector))
    if names.s3 and names.s3.selector:
        url = urlsplit(names.s3.endpoint)
        host = (url.hostname or "").split(".")[0]
        port = url.port or (443 if url.scheme == "https" else 80)
        found.append(("s3", host, port, names.s3.selector))
    return found
