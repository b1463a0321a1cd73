# SPDX-License-Identifier: Apache-2.0
"""Who may connect to MLflow and its stores, as the namespace's policies say."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE, asked, matches
from mlflow_conformance.config.names import RunnerNames
from mlflow_conformance.survey.found import Blank, Survey

_CONTROLS: Mapping[str, Any] = {
    "stranger": {"reaches": []},
    "server-elsewhere": {"pod_labels": "{mlflow pods}", "reaches": []},
    "neighbour": {"namespace": "{namespace}", "reaches": []},
}
"""Sources that reach nothing, whoever else may."""


def find_policies(bundle: Bundle, labels: Mapping[str, str], found: Survey) -> None:
    """Who may connect, into `names.runner` and the sources of the checks of policies.

    Args:
        labels: of the server's pods.
    """
    rules = list(_rules(bundle, labels))
    if not rules and not _policies(bundle, labels):
        if why := bundle.unreadable.get("networkpolicy"):
            found.warnings.append(f"NetworkPolicies may not be listed: {why}")
        found.lacks("no NetworkPolicy is about the pods of MLflow", ["NET"])
        return
    names = ", ".join(str(p["metadata"]["name"]) for p in _policies(bundle, labels))
    found.decide(f"network policies: {names}", "they select the server's pods")
    if any(not rule.get("from") for rule in rules):
        found.decide("who may connect to MLflow: everybody", "a rule of them has no `from`")
        reason = "its policies let every pod of the cluster connect to MLflow"
        found.lacks(reason, ["NET-1", "NET-4", "NET-5"])
        return
    sources = _sources(bundle, labels, found)
    authorizing = next(
        (s["namespace_labels"] for s in sources if set(s) == {"namespace_labels", "reaches"}), None
    )
    if authorizing:
        found.names.setdefault("runner", {})["labels"] = authorizing
        said = ", ".join(f"{k}={v}" for k, v in authorizing.items())
        found.decide(f"the runner's namespace gets {said}", "a policy lets such namespaces connect")
    else:
        found.gaps.append(
            Blank(
                "runner",
                "runner: {labels: {KEY: VALUE}}",
                "labels of a namespace that the policies let connect to MLflow and its stores: "
                "they let in none by its labels, and without them the runner is refused as well",
            )
        )
    named = {**_CONTROLS, **{_name(s, n): s for n, s in enumerate(sources)}}
    for check in ("NET-1", "NET-2", "NET-4"):
        found.rows[check] = {"sources": named}
    if not authorizing:
        allowed = next((s for s in sources if "mlflow" in s["reaches"]), None)
        some = {"allowed": allowed} if allowed else {}
        found.rows["NET-5"] = {"sources": {"stranger": _CONTROLS["stranger"], **some}}


def _policies(bundle: Bundle, labels: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Those that are about what comes in to pods with these labels."""
    return [
        p
        for p in bundle.of("NetworkPolicy")
        if matches(p["spec"].get("podSelector") or {}, labels)
        and "Ingress" in (p["spec"].get("policyTypes") or ["Ingress"])
    ]


def _rules(bundle: Bundle, labels: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    for policy in _policies(bundle, labels):
        yield from policy["spec"].get("ingress") or []


def _sources(bundle: Bundle, labels: Mapping[str, str], found: Survey) -> list[dict[str, Any]]:
    """Every peer that a policy lets in, with what it reaches."""
    database: Mapping[str, Any] = found.names.get("postgresql", {})
    bucket: Mapping[str, Any] = found.names.get("s3", {})
    parts: list[tuple[str, Mapping[str, str]]] = [
        ("mlflow", labels),
        ("postgresql", database.get("selector", {})),
        ("s3", bucket.get("selector", {})),
    ]
    sources: list[dict[str, Any]] = []
    for service, pods in parts:
        for rule in _rules(bundle, pods) if pods else ():
            reached = _reached(service, rule, database.get("metrics_port"))
            for source in (s for peer in rule.get("from") or [] for s in _of_peer(peer)):
                if _is_ours(source, labels):
                    continue
                known = next(
                    (s for s in sources if {**s, "reaches": 0} == {**source, "reaches": 0}), None
                )
                if known is None:
                    sources.append(known := {**source, "reaches": []})
                if reached not in known["reaches"]:
                    known["reaches"].append(reached)
    return sources


def _reached(service: str, rule: Mapping[str, Any], metrics_port: int | None) -> str:
    ports = {str(p.get("port")) for p in rule.get("ports") or []}
    if (
        service == "postgresql"
        and ports
        and ports <= {str(metrics_port), "metrics", "http-metrics"}
    ):
        return "postgresql-metrics"
    return service


def _is_ours(source: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """The server itself, or the runner: no profile has to promise those."""
    if source.get("namespace") == RunnerNames().namespace:
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
