# SPDX-License-Identifier: Apache-2.0
"""Who may connect to MLflow and its stores, as the namespace's policies say."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE, Labels, asked, is_about
from mlflow_conformance.survey.admitted import Guarded, find_spot
from mlflow_conformance.survey.found import Survey
from mlflow_conformance.survey.openings import openings
from mlflow_conformance.survey.server import Server

_CONTROLS: Mapping[str, Mapping[str, Any]] = {
    "stranger": {},
    "server-elsewhere": {"pod_labels": "{mlflow pods}"},
    "neighbour": {"namespace": "{namespace}"},
}
"""Sources that nobody has a reason to let in."""
_NARROW = 8
"""Bits of a network that is no large part of the internet."""
_WAYS_IN = ("NET-1", "NET-4", "NET-5")


@dataclass(frozen=True)
class _Part:
    """MLflow or one of its stores, and what the policies say of connections to it.

    Attributes:
        policies: those that are about connections to it, by name.
        rules: of them.
    """

    service: str
    pods: Labels
    policies: Sequence[str]
    rules: Sequence[Mapping[str, Any]]

    @property
    def is_open(self) -> bool:
        """Every pod of the cluster may connect to it."""
        return not self.policies or any(_is_for_all(rule) for rule in self.rules)


def find_policies(bundle: Bundle, server: Server, found: Survey) -> None:
    """Who may connect, into `names.runner` and the sources of the checks of policies."""
    parts = _parts(bundle, server, found)
    mlflow, stores = parts[0], parts[1:]
    guarded = [Guarded(_PLAIN[p.service], p.pods, p.rules) for p in parts if not p.is_open]
    runner = find_spot(bundle, guarded, found)
    outward = list(_about(bundle, server.labels, "Egress"))
    if not mlflow.policies and not outward:
        if why := bundle.unreadable.get("networkpolicy"):
            found.warnings.append(f"NetworkPolicies may not be listed: {why}")
        found.lacks("no NetworkPolicy is about the pods of MLflow", ["NET"])
        return
    names = ", ".join(dict.fromkeys([*mlflow.policies, *(_name_of(p) for p in outward)]))
    found.decide(f"network policies: {names}", "they select the server's pods")
    _ways_out(outward, found)
    if mlflow.is_open:
        told = "a rule of them lets every namespace in" if mlflow.policies else "none is about it"
        found.decide("who may connect to MLflow: everybody", told)
        found.lacks("its policies let every pod of the cluster connect to MLflow", _WAYS_IN)
    bare = [part.service for part in stores if part.is_open]
    if bare:
        said = " and ".join(_PLAIN[service] for service in bare)
        found.decide(f"who may connect to {said}: everybody", "no policy keeps anybody out")
    if len(bare) == len(stores):
        found.lacks(
            "no NetworkPolicy keeps anybody from PostgreSQL and the object store"
            if stores
            else "neither store is in the namespace of MLflow",
            ["NET-2"],
        )
    sources = _sources(parts, server.labels, runner, found)
    for service in (part.service for part in parts if part.is_open):
        for source in sources.values():
            source["reaches"].append(service)
    for check in ("NET-1", "NET-2", "NET-4"):
        found.rows[check] = {"sources": sources}
    outside = openings(bundle, server, found.names["mlflow"]["service"])
    if outside != ["Ingress"]:
        found.rows["NET-1"]["outside"] = outside
        found.decide(f"from outside MLflow is reached by: {', '.join(outside)}", "they are there")
    nothing = {name: s for name, s in sources.items() if not s["reaches"] and "cidr" not in s}
    if not nothing:
        found.lacks("every pod of the cluster may connect to one of its stores", ["NET-5"])
    elif "labels" not in found.names.get("runner", {}):
        let_in = next((s for s in sources.values() if "mlflow" in s["reaches"]), None)
        name, source = next(iter(nothing.items()))
        some = {"allowed": let_in} if let_in else {}
        found.rows["NET-5"] = {"sources": {name: source, **some}}


_PLAIN = {"mlflow": "MLflow", "postgresql": "PostgreSQL", "s3": "the object store"}


def _parts(bundle: Bundle, server: Server, found: Survey) -> list[_Part]:
    """MLflow, and those of its stores that are pods of the namespace."""
    held: list[tuple[str, Mapping[str, str]]] = [("mlflow", server.labels)]
    for service in ("postgresql", "s3"):
        if pods := found.names.get(service, {}).get("selector"):
            held.append((service, pods))
    parts = []
    for service, pods in held:
        policies = list(_about(bundle, pods, "Ingress"))
        rules = [r for p in policies for r in p["spec"].get("ingress") or []]
        if service == "mlflow":
            rules = [r for r in rules if _opens(r, server)]
        parts.append(_Part(service, pods, [_name_of(p) for p in policies], rules))
    return parts


def _about(bundle: Bundle, pods: Mapping[str, str], kind: str) -> Iterator[Mapping[str, Any]]:
    """The policies about what comes in to pods with these labels, or goes out of them."""
    for policy in bundle.of("NetworkPolicy"):
        if is_about(policy["spec"], kind, pods):
            yield policy


def _name_of(policy: Mapping[str, Any]) -> str:
    return str(policy["metadata"]["name"])


def _opens(rule: Mapping[str, Any], server: Server) -> bool:
    """Whether a rule is about the port at which the server listens."""
    own = {str(server.port)} | {
        str(p["name"])
        for p in server.spec.get("ports") or []
        if "name" in p and int(p["containerPort"]) == server.port
    }
    ports = rule.get("ports") or []
    return not ports or any(
        p.get("port") is None
        or str(p["port"]) in own
        or ("endPort" in p and int(p["port"]) <= server.port <= int(p["endPort"]))
        for p in ports
    )


def _is_for_all(rule: Mapping[str, Any]) -> bool:
    """Whether a rule lets every pod of every namespace in."""
    peers = rule.get("from") or []
    return not peers or any(
        peer.get("namespaceSelector") == {} and not peer.get("podSelector") for peer in peers
    )


def _ways_out(outward: Sequence[Mapping[str, Any]], found: Survey) -> None:
    """Whether anything keeps MLflow's pods from connecting to others."""
    if not outward:
        found.lacks("no NetworkPolicy is about what MLflow's pods connect to", ["NET-3"])
    elif any(
        not rule.get("to") and not rule.get("ports")
        for policy in outward
        for rule in policy["spec"].get("egress") or []
    ):
        found.decide("what MLflow may connect to: everything", "a rule of them has no `to`")
        found.lacks("its policies let MLflow's pods connect to everything", ["NET-3"])
    elif addresses := reached_outside(outward):
        found.rows["NET-3"] = {"addresses": addresses}
        found.decide(f"outside MLflow reaches: {', '.join(addresses)}", "policies let it out there")


def reached_outside(outward: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Addresses that policies let MLflow reach at one port, such as those of a store.

    Networks as wide as the internet are none: that MLflow reaches them is for a check to tell.
    """
    rules = [rule for policy in outward for rule in policy["spec"].get("egress") or []]
    return {
        f"{cidr} port {port['port']}": {"cidr": cidr, "port": port["port"]}
        for rule in rules
        for peer in rule.get("to") or []
        if (cidr := (peer.get("ipBlock") or {}).get("cidr"))
        and ip_network(cidr, strict=False).prefixlen >= _NARROW
        for port in rule.get("ports") or []
        if isinstance(port.get("port"), int) and "endPort" not in port
    }


def _sources(
    parts: Sequence[_Part], labels: Mapping[str, str], runner: str, found: Survey
) -> dict[str, dict[str, Any]]:
    """The controls, and every peer that a policy lets in, with what each of them reaches.

    Args:
        runner: the name of the runner's namespace.
    """
    metrics_port = found.names.get("postgresql", {}).get("metrics_port")
    let_in: list[dict[str, Any]] = []
    for part in parts:
        for rule in () if part.is_open else part.rules:
            reached = _reached(part.service, rule, metrics_port)
            for source in (s for peer in rule.get("from") or [] for s in _of_peer(peer)):
                if _is_ours(source, labels, runner):
                    continue
                known = next(
                    (s for s in let_in if {**s, "reaches": 0} == {**source, "reaches": 0}), None
                )
                if known is None:
                    let_in.append(known := {**source, "reaches": []})
                if reached not in known["reaches"]:
                    known["reaches"].append(reached)
    controls = {
        name: {**control, "reaches": []}
        for name, control in _CONTROLS.items()
        if not any(_admits(source, control, labels) for source in let_in)
    }
    return {**controls, **{_name(s, n): s for n, s in enumerate(let_in)}}


def _admits(source: Mapping[str, Any], control: Mapping[str, Any], own: Mapping[str, str]) -> bool:
    """Whether a policy that lets a source in lets a control in as well."""
    if "cidr" in source or "namespace_labels" in source:
        return False
    if "namespace" in source and source["namespace"] != control.get("namespace"):
        return False
    asked_of: Mapping[str, str] = source.get("pod_labels") or {}
    return asked_of.items() <= (own if "pod_labels" in control else {}).items()


def _reached(service: str, rule: Mapping[str, Any], metrics_port: int | None) -> str:
    ports = {str(p.get("port")) for p in rule.get("ports") or []}
    if (
        service == "postgresql"
        and ports
        and ports <= {str(metrics_port), "metrics", "http-metrics"}
    ):
        return "postgresql-metrics"
    return service


def _is_ours(source: Mapping[str, Any], labels: Mapping[str, str], runner: str) -> bool:
    """The server itself, or the runner: no profile has to promise those."""
    if source.get("namespace") == runner:
        return True
    pods: Mapping[str, str] = source.get("pod_labels") or {}
    at_home = source.get("namespace") == "{namespace}"
    return at_home and bool(pods) and pods.items() <= labels.items()


def _of_peer(peer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A peer of a policy as sources: one for each value of an expression."""
    if block := peer.get("ipBlock"):
        yield {"cidr": block["cidr"]}
        return
    spaces = peer.get("namespaceSelector")
    for of_space in asked(spaces or {}):
        for of_pod in asked(peer.get("podSelector") or {}):
            source: dict[str, Any] = {}
            if spaces is None:
                source["namespace"] = "{namespace}"
            elif name := of_space.get(NAME_OF_NAMESPACE):
                source["namespace"] = name
            elif of_space:
                source["namespace_labels"] = of_space
            if of_pod:
                source["pod_labels"] = of_pod
            yield source


def _name(source: Mapping[str, Any], number: int) -> str:
    """What a person may call it: by the last label, or by its namespace or address."""
    pods = source.get("pod_labels") or {}
    spaces = source.get("namespace_labels") or {}
    words = [*list(pods.values())[-1:], *spaces.keys(), source.get("cidr", "")]
    if not pods and not spaces and source.get("namespace"):
        words = [source["namespace"]]
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(filter(None, words)).lower()).strip("-")
    return name if re.fullmatch(r"[a-z][a-z0-9-]{1,40}", name) else f"source-{number + 1}"
