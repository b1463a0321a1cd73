# SPDX-License-Identifier: Apache-2.0
"""The runner's place: a namespace from which the policies let its pod connect."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

import yaml

from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE, Labels, asked, matches
from mlflow_conformance.config.names import RunnerNames
from mlflow_conformance.survey.found import Blank, Survey

_MANAGED_BY, _SUITE = "app.kubernetes.io/managed-by", "mlflow-conformance"
_TRIED = 1000
"""Ways to fulfil all policies at once that are looked at; real ones have a few."""


@dataclass(frozen=True)
class Guarded:
    """Pods that policies keep others from.

    Attributes:
        name: for people.
        pods: their labels.
        rules: of ingress, of the policies about connections to them.
    """

    name: str
    pods: Labels
    rules: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Spot:
    """A namespace, made for the runner, and labels of its pod."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    pod_labels: Mapping[str, str] = field(default_factory=dict)

    def may_connect(self, to: Guarded) -> bool:
        """Whether a rule lets its pod in (Kubernetes API, NetworkPolicyPeer)."""
        space = {NAME_OF_NAMESPACE: self.name, **self.labels}
        return any(
            matches(peer["namespaceSelector"], space)
            and matches(peer.get("podSelector") or {}, self.pod_labels)
            for rule in to.rules
            for peer in rule.get("from") or []
            if peer.get("namespaceSelector") is not None
        )


def find_spot(bundle: Bundle, guarded: Sequence[Guarded], found: Survey) -> str:
    """Where the runner is let in by the policies, into `names.runner`; its namespace's name.

    Args:
        guarded: MLflow and its stores, those that not everybody may connect to; MLflow first.
    """
    free = _free_name(bundle)
    chosen, missing = _chosen(bundle, guarded, free)
    runner = found.names.setdefault("runner", {})
    if chosen.name != RunnerNames().namespace:
        runner["namespace"] = chosen.name
    if chosen.labels:
        runner["labels"] = dict(chosen.labels)
    if chosen.pod_labels:
        runner.setdefault("pod", {})["labels"] = dict(chosen.pod_labels)
    if reached := [g.name for g in guarded if g not in missing]:
        what = "".join(f", {k}={v}" for k, v in chosen.labels.items())
        found.decide(
            f"the runner's namespace: {chosen.name}{what}",
            f"the policies let such a namespace connect to {' and '.join(reached)}",
        )
    elif chosen.name != RunnerNames().namespace:
        found.decide(
            f"the runner's namespace: {chosen.name}",
            f"the namespace {RunnerNames().namespace} was not made by this program",
        )
    if missing:
        _tell(missing, chosen, bundle.namespace, found)
    if not runner:
        del found.names["runner"]
    return chosen.name


def _free_name(bundle: Bundle) -> str:
    """The default name of the runner's namespace, or another where that is somebody else's."""
    default = RunnerNames().namespace
    return default if _is_free(bundle, default) else f"{default}-{bundle.namespace}"


def _is_free(bundle: Bundle, name: str) -> bool:
    found = bundle.named("Namespace", name)
    return found is None or (found["metadata"].get("labels") or {}).get(_MANAGED_BY) == _SUITE


def _chosen(
    bundle: Bundle, guarded: Sequence[Guarded], free: str
) -> tuple[Spot, Sequence[Guarded]]:
    """The spot that most may be reached from, and what may not; the first counts most."""
    wanted = list(guarded)
    while wanted:
        spots = [
            spot
            for spot in _spots(bundle, wanted, free)
            if all(spot.may_connect(each) for each in wanted)
        ]
        if spots:
            # What a person has to understand: as little as possible.
            best = min(spots, key=lambda s: (len(s.pod_labels), s.name != free, len(s.labels)))
            return best, [g for g in guarded if not best.may_connect(g)]
        wanted.pop()
    rest = [_chosen(bundle, [one], free) for one in guarded[1:]]
    for spot, missing in rest:
        if not missing:
            return spot, [g for g in guarded if not spot.may_connect(g)]
    return Spot(free), list(guarded)


def _spots(bundle: Bundle, guarded: Sequence[Guarded], free: str) -> Iterator[Spot]:
    """Places that fulfil a rule of each, as far as their labels do not contradict each other."""
    ways = [list(_ways(each)) for each in guarded]
    for combination in islice(product(*ways), _TRIED):
        space: dict[str, str] = {}
        pod: dict[str, str] = {}
        for of_space, of_pod in combination:
            if any(space.get(k, v) != v for k, v in of_space.items()) or any(
                pod.get(k, v) != v for k, v in of_pod.items()
            ):
                break
            space.update(of_space)
            pod.update(of_pod)
        else:
            name = space.pop(NAME_OF_NAMESPACE, free)
            # Whether a namespace of another name is there may not be known.
            known = "namespace" not in bundle.unreadable
            if name == free or (known and _is_free(bundle, name)):
                yield Spot(name, space, pod)


def _ways(guarded: Guarded) -> Iterator[tuple[Labels, Labels]]:
    """Labels of a namespace and of a pod that a rule asks for."""
    for rule in guarded.rules:
        for peer in rule.get("from") or []:
            if peer.get("namespaceSelector") is not None:
                yield from product(
                    _asked(peer["namespaceSelector"]), _asked(peer.get("podSelector") or {})
                )


def _asked(selector: Mapping[str, Any]) -> list[Labels]:
    there = {
        wanted["key"]: "true"
        for wanted in selector.get("matchExpressions") or []
        if wanted["operator"] == "Exists"
    }
    return [{**there, **labels} for labels in asked(selector)]


def _tell(missing: Sequence[Guarded], spot: Spot, namespace: str, found: Survey) -> None:
    """What to add where no policy lets the runner in."""
    names = " and ".join(each.name for each in missing)
    line = "  labels: {KEY: VALUE}" if found.names["runner"] else "runner: {labels: {KEY: VALUE}}"
    found.gaps.append(
        Blank(
            "runner",
            line,
            f"labels of a namespace that the policies let connect to {names}: they let in none "
            "from elsewhere, and the runner is refused as well; a policy of its own that lets in "
            f"the namespace {spot.name} (`init` printed it) will do instead",
        )
    )
    for each in missing:
        policy = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"{_SUITE}-{_slug(each.name)}", "namespace": namespace},
            "spec": {
                "podSelector": {"matchLabels": dict(each.pods)},
                "ingress": [
                    {
                        "from": [
                            {"namespaceSelector": {"matchLabels": {NAME_OF_NAMESPACE: spot.name}}}
                        ]
                    }
                ],
            },
        }
        told = yaml.safe_dump(policy, default_flow_style=True, sort_keys=False, width=10_000)
        found.warnings.append(
            f"no policy lets the runner connect to {each.name}; kubectl apply -f - of this does: "
            f"{told.strip()}"
        )


def _slug(name: str) -> str:
    return name.lower().removeprefix("the ").replace(" ", "-")
