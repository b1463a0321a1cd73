# SPDX-License-Identifier: Apache-2.0
"""The rights of a run as manifests of RBAC, for somebody who may give them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from mlflow_conformance.target.own_namespaces import prepared_namespace
from mlflow_conformance.target.rights import RBAC, Mode, Place, rights


@dataclass(frozen=True)
class Places:
    """The namespaces of a run.

    Attributes:
        mlflow: MLflow's.
        runner: the runner's; the policies let it in by these labels.
        probes: of probe pods, each with its labels.
        sources: others that exist, and get a probe pod.
    """

    mlflow: str
    runner: str
    runner_labels: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sources: Sequence[str] = ()

    def of(self, place: Place) -> list[str]:
        """The namespaces of a place; none for the whole cluster."""
        match place:
            case "mlflow":
                return [self.mlflow]
            case "runner":
                return [self.runner]
            case "probes":
                return list(self.probes)
            case "sources":
                return list(self.sources)
            case "cluster":
                return []


def text(mode: Mode, places: Places, user: str) -> str:
    """The manifests as YAML, every rule below the reason for it."""
    return "---\n".join(_document(m, why) for m, why in _explained(mode, places, user))


def manifests(mode: Mode, places: Places, user: str) -> list[dict[str, Any]]:
    """Prepared namespaces, roles with these rights and their bindings, for `kubectl apply`.

    Args:
        user: who runs the suite; ``system:serviceaccount:NAMESPACE:NAME`` for a ServiceAccount.
    """
    return [manifest for manifest, _ in _explained(mode, places, user)]


def _explained(
    mode: Mode, places: Places, user: str
) -> Iterator[tuple[dict[str, Any], Sequence[str]]]:
    """Each manifest, and the reasons for its rules or for itself."""
    wanted = rights(mode)
    if any(r.place == "runner" for r in wanted):
        yield prepared_namespace(places.runner, places.runner_labels), ["of the runner"]
        for name, labels in places.probes.items():
            yield prepared_namespace(name, labels), ["of probe pods"]
    by_namespace = {"": [r for r in wanted if r.place == "cluster"]}
    for right in wanted:
        for namespace in places.of(right.place):
            by_namespace.setdefault(namespace, []).append(right)
    for namespace, held in by_namespace.items():
        kind = "Role" if namespace else "ClusterRole"
        name = f"mlflow-conformance-{mode}"
        meta = {"name": name, **({"namespace": namespace} if namespace else {})}
        rules = [
            {"apiGroups": [r.group], "resources": list(r.resources), "verbs": list(r.verbs)}
            for r in held
        ]
        role = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": meta, "rules": rules}
        yield role, [r.why for r in held]
        binding = {
            "apiVersion": f"{RBAC}/v1",
            "kind": f"{kind}Binding",
            "metadata": meta,
            "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
            "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}],
        }
        yield binding, []


def _document(manifest: Mapping[str, Any], why: Sequence[str]) -> str:
    if "rules" not in manifest:
        return "".join([*(f"# {line}\n" for line in why), _yaml(manifest)])
    head = _yaml({k: v for k, v in manifest.items() if k != "rules"})
    rules = (
        f"# {reason}\n{_yaml([rule])}" for rule, reason in zip(manifest["rules"], why, strict=True)
    )
    return f"{head}rules:\n{''.join(rules)}"


def _yaml(value: Any) -> str:
    written: str = yaml.safe_dump(value, sort_keys=False)
    return written
