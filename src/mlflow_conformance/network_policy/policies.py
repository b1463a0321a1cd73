# SPDX-License-Identifier: Apache-2.0
"""NetworkPolicies read as sets of peers, so that what they admit can be told without a packet.

A probe shows that the sources somebody thought of are kept out. What a policy admits beyond them
stands in the policy. Policies add up: a connection is admitted when one of them admits it
(Kubernetes documentation, Network Policies, "The two sorts of pod isolation").
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import product
from typing import Any, Literal

from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE, Labels, asked, is_about

Direction = Literal["Ingress", "Egress"]
WITHOUT = " without "


@dataclass(frozen=True)
class Peer:
    """Pods of namespaces, or addresses, that one entry of a rule admits.

    Labels that a selector asks for narrow a peer; no labels means all pods, or all namespaces.

    Attributes:
        cidr: addresses in the place of pods, as a policy writes them; `WITHOUT` stands before
            those that it leaves out.
        other: what is neither pods nor addresses, in words.
    """

    namespace: Labels = field(default_factory=dict)
    pod: Labels = field(default_factory=dict)
    cidr: str | None = None
    other: str | None = None

    def within(self, other: "Peer") -> bool:
        """Whether everything that this peer is, the other one is too."""
        if self.other is not None or other.other is not None:
            return self == other
        if self.cidr is not None and other.cidr is not None:
            return _covers(other.cidr, self.cidr)
        if self.cidr is not None or other.cidr is not None:
            return False
        return (
            other.namespace.items() <= self.namespace.items()
            and other.pod.items() <= self.pod.items()
        )

    def __str__(self) -> str:
        if self.other is not None:
            return self.other
        if self.cidr is not None:
            return f"addresses {self.cidr}"
        pods = _said(self.pod, "every pod", "pods with ")
        return f"{pods} of {_said(self.namespace, 'every namespace', 'namespaces with ')}"


@dataclass(frozen=True)
class Ports:
    """TCP ports of one entry of a rule, both ends included; `name` is a container's port name."""

    first: int = 1
    last: int = 65535
    name: str | None = None

    def __str__(self) -> str:
        if self.name is not None:
            return f"port {self.name}"
        if (self.first, self.last) == (1, 65535):
            return "every port"
        return (
            f"port {self.first}" if self.first == self.last else f"ports {self.first}-{self.last}"
        )

    def resolved(self, named: Mapping[str, int]) -> "Ports":
        """The number that a name stands for in a pod; one that it does not have stays a name."""
        number = named.get(self.name) if self.name is not None else None
        return self if number is None else Ports(number, number)


@dataclass(frozen=True)
class Admission:
    """What one rule of one policy admits."""

    policy: str
    peer: Peer
    ports: Ports

    def __str__(self) -> str:
        return f"{self.policy}: {self.peer}, {self.ports}"


@dataclass(frozen=True)
class Promise:
    """A peer that may connect, and to which port; None: whichever."""

    peer: Peer
    port: int | None = None

    def covers(self, admission: Admission) -> bool:
        """Whether all that is admitted is promised."""
        ports = admission.ports
        fits = self.port is None or (ports.name, ports.first, ports.last) == (
            None, self.port, self.port,
        )  # fmt: skip
        return fits and admission.peer.within(self.peer)


def beyond(admissions: Sequence[Admission], promises: Sequence[Promise]) -> list[str]:
    """What policies admit and nothing promises, a sentence each."""
    return sorted(
        {str(a) for a in admissions if not any(promise.covers(a) for promise in promises)}
    )


def isolated(policies: Sequence[Mapping[str, Any]], direction: Direction, pod: Labels) -> bool:
    """Whether what is not admitted is denied to a pod."""
    return any(is_about(p["spec"], direction, pod) for p in policies)


def everyone(direction: Direction) -> Admission:
    """What is admitted to a pod that no policy isolates."""
    return Admission(f"no policy for {direction.lower()}", Peer(), Ports())


def admitted(
    policies: Sequence[Mapping[str, Any]],
    direction: Direction,
    namespace: str,
    pod: Labels,
    named_ports: Mapping[str, int],
) -> list[Admission]:
    """Everything that the policies of a namespace admit to (Ingress) or from (Egress) a pod.

    Args:
        policies: NetworkPolicies of the namespace, as the API gives them.
        pod: the pod's labels.
        named_ports: ports of the pod's own containers by name; for Egress the names are those of
            the other side, and stay names.
    """
    selecting = [p for p in policies if is_about(p["spec"], direction, pod)]
    side = "from" if direction == "Ingress" else "to"
    return [
        Admission(policy["metadata"]["name"], peer, ports.resolved(named_ports))
        for policy in selecting
        for rule in policy["spec"].get(direction.lower()) or []
        for peer in _peers(rule.get(side), namespace)
        for ports in _ports(rule.get("ports"))
    ]


def _peers(entries: Sequence[Mapping[str, Any]] | None, namespace: str) -> Iterator[Peer]:
    if not entries:  # a rule without peers admits everyone
        yield Peer()
    for entry in entries or []:
        if block := entry.get("ipBlock"):
            without = f"{WITHOUT}{', '.join(block['except'])}" if block.get("except") else ""
            yield Peer(cidr=f"{block['cidr']}{without}")
            continue
        spaces: list[Labels] = [{NAME_OF_NAMESPACE: namespace}]
        if entry.get("namespaceSelector") is not None:
            spaces = asked(entry["namespaceSelector"])
        for space, pod in product(spaces, asked(entry.get("podSelector") or {})):
            yield Peer(space, pod)


def _ports(entries: Sequence[Mapping[str, Any]] | None) -> Iterator[Ports]:
    """The ports of a rule. UDP and SCTP are told like TCP: a port is open or it is not."""
    if not entries:
        yield Ports()
    for entry in entries or []:
        port = entry.get("port")
        if port is None:
            yield Ports()
        elif isinstance(port, str):
            yield Ports(name=port)
        else:
            yield Ports(port, entry.get("endPort", port))


def _covers(promised: str, admitted: str) -> bool:
    """Whether all addresses that a policy admits are among those that are promised.

    What a policy leaves out of its own makes it admit less, never more.
    """
    whole, part = (
        ip_network(promised, strict=False),
        ip_network(admitted.partition(WITHOUT)[0], strict=False),
    )
    if isinstance(whole, IPv4Network) and isinstance(part, IPv4Network):
        return part.subnet_of(whole)
    if isinstance(whole, IPv6Network) and isinstance(part, IPv6Network):
        return part.subnet_of(whole)
    return False


def _said(labels: Labels, nothing: str, some: str) -> str:
    return some + ", ".join(f"{k}={v}" for k, v in sorted(labels.items())) if labels else nothing
