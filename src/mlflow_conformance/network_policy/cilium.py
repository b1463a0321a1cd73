# SPDX-License-Identifier: Apache-2.0
"""Cilium's own policies read as what they admit, beside the NetworkPolicies of Kubernetes.

Policies of both kinds add up. Those of Cilium know peers that are neither pods nor addresses:
entities such as the whole world, names of hosts, Services (https://docs.cilium.io, Layer 3
Policies). What they deny is not read: it only takes away from what is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE, Labels, asked, matches
from mlflow_conformance.network_policy.policies import (
    WITHOUT,
    Admission,
    Direction,
    Peer,
    Ports,
)

KINDS = ("ciliumnetworkpolicies.cilium.io", "ciliumclusterwidenetworkpolicies.cilium.io")
_NAMESPACE = "io.kubernetes.pod.namespace"
_OF_NAMESPACE = "io.cilium.k8s.namespace.labels."
_ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
_ALWAYS = ("host", "health")
"""Entities that reach the pods of their node under every policy, as kubelet's probes must."""
_UNKNOWN = {"Services": "Services", "Nodes": "nodes", "Groups": "groups of the cloud"}
"""Peers of which nothing more is told than that there are some."""


@dataclass(frozen=True)
class Subject:
    """A pod as Cilium's selectors see it.

    Attributes:
        of_namespace: the labels of its namespace.
    """

    namespace: str
    labels: Labels
    of_namespace: Labels
    account: str

    @property
    def seen(self) -> Labels:
        """Its labels with those that Cilium adds."""
        added = {f"{_OF_NAMESPACE}{k}": v for k, v in self.of_namespace.items()}
        return {**self.labels, **added, _NAMESPACE: self.namespace, _ACCOUNT: self.account}


def isolated_by_cilium(
    policies: Sequence[Mapping[str, Any]], direction: Direction, pod: Subject
) -> bool:
    """Whether what is not admitted is denied to a pod by these policies."""
    return any(
        (spec.get("enableDefaultDeny") or {}).get(direction.lower(), True)
        and (spec.get(direction.lower()) or spec.get(f"{direction.lower()}Deny"))
        for _, spec in _about(policies, pod)
    )


def admitted_by_cilium(
    policies: Sequence[Mapping[str, Any]],
    direction: Direction,
    pod: Subject,
    named_ports: Mapping[str, int],
) -> list[Admission]:
    """Everything that policies of Cilium admit to (Ingress) or from (Egress) a pod.

    Args:
        policies: of the pod's namespace, and of the whole cluster, as the API gives them.
        named_ports: as of `policies.admitted`.
    """
    side = "from" if direction == "Ingress" else "to"
    return [
        Admission(policy["metadata"]["name"], peer, ports.resolved(named_ports))
        for policy, spec in _about(policies, pod)
        for rule in spec.get(direction.lower()) or []
        for peer in _peers(rule, side, policy["metadata"].get("namespace"))
        for ports in _ports(rule)
    ]


def _about(
    policies: Sequence[Mapping[str, Any]], pod: Subject
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The policies that select a pod, each with one of its specifications."""
    for policy in policies:
        if policy["metadata"].get("namespace", pod.namespace) != pod.namespace:
            continue
        for spec in [policy.get("spec") or {}, *(policy.get("specs") or [])]:
            # Without it a policy is about nodes.
            selector = spec.get("endpointSelector")
            if selector is not None and matches(_plain(selector), pod.seen):
                yield policy, spec


def _peers(rule: Mapping[str, Any], side: str, namespace: str | None) -> Iterator[Peer]:
    """The peers of a rule; of one that names only ports everyone, of an empty one nobody.

    Args:
        namespace: the policy's; None for one of the whole cluster.
    """
    named = {k.removeprefix(side): v for k, v in rule.items() if k.startswith(side)}
    named.pop("Requires", None)
    named.pop("Ports", None)  # of every rule, also of what comes in
    if not named and rule.get("toPorts"):
        yield Peer()
    for selector in named.get("Endpoints") or []:
        yield from _endpoints(_plain(selector), namespace)
    for cidr in named.get("CIDR") or []:
        yield Peer(cidr=cidr)
    for block in named.get("CIDRSet") or []:
        if cidr := block.get("cidr"):
            without = f"{WITHOUT}{', '.join(block['except'])}" if block.get("except") else ""
            yield Peer(cidr=f"{cidr}{without}")
        else:
            yield Peer(other="a group of addresses")
    for entity in named.get("Entities") or []:
        if side == "to" or entity not in _ALWAYS:
            yield Peer(other=f"Cilium's entity {entity}")
    for host in named.get("FQDNs") or []:
        yield Peer(other=f"hosts named {host.get('matchName') or host.get('matchPattern')}")
    for kind, said in _UNKNOWN.items():
        if named.get(kind):
            yield Peer(other=said)


def _endpoints(selector: Mapping[str, Any], namespace: str | None) -> Iterator[Peer]:
    """Pods by their labels, among which Cilium counts what it knows of their namespaces."""
    keys = {*(selector.get("matchLabels") or {})} | {
        wanted["key"] for wanted in selector.get("matchExpressions") or []
    }
    elsewhere = namespace is None or any(
        key == _NAMESPACE or key.startswith(_OF_NAMESPACE) for key in keys
    )
    for labels in asked(selector):
        spaces = {
            NAME_OF_NAMESPACE if key == _NAMESPACE else key.removeprefix(_OF_NAMESPACE): value
            for key, value in labels.items()
            if key == _NAMESPACE or key.startswith(_OF_NAMESPACE)
        }
        pods = {
            k: v for k, v in labels.items() if k != _NAMESPACE and not k.startswith(_OF_NAMESPACE)
        }
        yield Peer(spaces if elsewhere else {NAME_OF_NAMESPACE: str(namespace)}, pods)


def _plain(selector: Mapping[str, Any]) -> Mapping[str, Any]:
    """A selector without the sources of labels, such as the ``k8s:`` of ``k8s:app``."""
    expressions = [
        {**wanted, "key": _key(wanted["key"])} for wanted in selector.get("matchExpressions") or []
    ]
    labels = {_key(k): v for k, v in (selector.get("matchLabels") or {}).items()}
    return {"matchLabels": labels, "matchExpressions": expressions}


def _key(key: str) -> str:
    source, colon, name = key.partition(":")
    return name if colon and source in ("k8s", "any") else key


def _ports(rule: Mapping[str, Any]) -> Iterator[Ports]:
    entries = rule.get("toPorts") or []
    if not entries and not rule.get("icmps"):  # a rule of ICMP alone is about no port
        yield Ports()
    for ports in [entry.get("ports") or [] for entry in entries]:
        if not ports:
            yield Ports()
        for port in ports:
            number = str(port.get("port", "0"))
            if not number.isdigit():
                yield Ports(name=number)
            elif number == "0":
                yield Ports()
            else:
                yield Ports(int(number), int(port.get("endPort") or number))
