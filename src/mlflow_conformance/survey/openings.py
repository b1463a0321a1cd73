# SPDX-License-Identifier: Apache-2.0
"""By which kinds of ways MLflow is reached from outside of the cluster today."""

from collections.abc import Iterator

from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.cluster.templates import containers
from mlflow_conformance.survey.server import Server


def openings(bundle: Bundle, server: Server, service: str) -> list[str]:
    """Kinds of ways, as the row of NET-1 names them; an Ingress is always one of them.

    Args:
        service: MLflow's.
    """
    return list(dict.fromkeys(["Ingress", *_found(bundle, server, service)]))


def _found(bundle: Bundle, server: Server, service: str) -> Iterator[str]:
    for route in bundle.of("HTTPRoute"):
        references = [
            r for rule in route["spec"].get("rules") or [] for r in rule.get("backendRefs") or []
        ]
        if any(r.get("name") == service for r in references):
            yield "route"
    for item in bundle.of("Service"):
        spec = item["spec"]
        wanted = (spec.get("selector") or {}).items()
        if wanted and wanted <= server.labels.items():
            if spec.get("type") in ("NodePort", "LoadBalancer"):
                yield str(spec["type"])
            if spec.get("externalIPs"):
                yield "external address"
    ports = [p for c in containers(server.pod) for p in c.get("ports") or []]
    if server.pod.get("hostNetwork") or any(p.get("hostPort") for p in ports):
        yield "port of the node"
