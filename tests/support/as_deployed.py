# SPDX-License-Identifier: Apache-2.0
"""A deployment's rendered objects at an API server, as if they had been applied."""

from collections.abc import Iterable, Mapping
from typing import Any

from api_server import ApiServer

_DNS = {"selector": {"k8s-app": "kube-dns"}, "ports": [{"port": 53, "targetPort": 53}]}
_CILIUM = (
    ("ciliumnetworkpolicies", "CiliumNetworkPolicy", True, ("cnp",)),
    ("ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy", False, ("ccnp",)),
)


def deploy(server: ApiServer, objects: Iterable[Mapping[str, Any]], namespace: str) -> None:
    """Put the objects there whose kinds the server has, and a ready pod of every workload."""
    server.kinds["/apis/cilium.io/v2"] = _CILIUM
    server.have("Service", "kube-dns", namespace="kube-system", spec=_DNS)
    server.have("Namespace", namespace)
    known = {kind for kinds in server.kinds.values() for _, kind, *_ in kinds}
    for number, item in enumerate(objects, start=1):
        name, kind = item["metadata"]["name"], item["kind"]
        if kind in known:
            fields = {k: v for k, v in item.items() if k not in ("apiVersion", "kind")}
            server.have(kind, name, namespace=namespace, **fields)
        if kind in ("Deployment", "StatefulSet"):
            template = item["spec"]["template"]
            server.have(
                "Pod",
                f"{name}-0",
                namespace=namespace,
                metadata={"labels": template["metadata"]["labels"]},
                spec=template["spec"],
                status={
                    "phase": "Running",
                    "podIP": f"192.0.2.{number}",
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            )
