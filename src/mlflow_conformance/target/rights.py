# SPDX-License-Identifier: Apache-2.0
"""What a run may ask of a cluster, as RBAC has it: for each mode the rights that it needs.

Of every mode the rights of the ones before it are a part. Lines of a profile and of its guide
(`helm upgrade`, `kubectl apply -k`) need besides what they themselves do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Mode = Literal["read-only", "default", "disruption"]
MODES: Sequence[Mode] = ("read-only", "default", "disruption")
"""The least first."""

_READ = ("get", "list")
_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Right:
    """What may be done to kinds of objects.

    Attributes:
        mode: the first one that needs it.
        group: of the API; empty for the core.
        resources: by their plurals, subresources behind a slash.
        everywhere: in the whole cluster, and not in MLflow's namespace alone.
    """

    mode: Mode
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    everywhere: bool = False


RIGHTS: Sequence[Right] = (
    Right(
        "read-only", "",
        ("configmaps", "events", "persistentvolumeclaims", "pods", "secrets", "services"), _READ,
    ),
    Right("read-only", "", ("pods/log",), ("get",)),
    Right("read-only", "apps", ("daemonsets", "deployments", "statefulsets"), _READ),
    Right("read-only", "batch", ("cronjobs", "jobs"), _READ),
    Right("read-only", "autoscaling", ("horizontalpodautoscalers",), _READ),
    Right("read-only", "policy", ("poddisruptionbudgets",), _READ),
    Right("read-only", "discovery.k8s.io", ("endpointslices",), _READ),
    Right("read-only", "networking.k8s.io", ("ingresses", "networkpolicies"), _READ),
    Right("read-only", "metrics.k8s.io", ("pods",), _READ),
    Right("read-only", "", ("namespaces", "nodes"), _READ, everywhere=True),
    # The runner and the probe pods, in namespaces that the run makes, and in those of its sources.
    Right(
        "default", "", ("namespaces", "pods"), (*_READ, "create", "patch", "delete"),
        everywhere=True,
    ),
    Right("default", "", ("pods/exec",), ("get", "create"), everywhere=True),
    Right("default", "", ("pods/log",), ("get",), everywhere=True),
    Right(
        "default", "", ("secrets", "serviceaccounts"), (*_READ, "create", "patch"), everywhere=True
    ),
    Right(
        "default", "networking.k8s.io", ("networkpolicies",), (*_READ, "create", "patch", "delete"),
        everywhere=True,
    ),
    # Former revisions, from which a rollback makes pods again.
    Right("default", "apps", ("controllerrevisions", "replicasets"), _READ),
    # Services that MLflow must or must not reach, and what leads to it from outside.
    Right("default", "", ("services",), _READ, everywhere=True),
    Right("default", "", ("persistentvolumes",), _READ, everywhere=True),
    # What the accounts of MLflow's namespace may do, asked as each of them; and tokens of theirs.
    Right("default", "", ("serviceaccounts",), ("impersonate",)),
    Right("default", "", ("serviceaccounts/token",), ("create",)),
    # Faults and changes, each of which is put back.
    Right("disruption", "", ("pods/eviction",), ("create",)),
    Right("disruption", "", ("configmaps", "persistentvolumeclaims", "services"), (
        "create", "update", "patch", "delete",
    )),
    Right("disruption", "", ("nodes", "persistentvolumes"), ("patch",), everywhere=True),
    Right(
        "disruption", "apps", ("deployments", "replicasets", "statefulsets"),
        ("create", "update", "patch", "delete"),
    ),
    Right("disruption", "apps", ("deployments/scale", "statefulsets/scale"), ("patch",)),
    Right("disruption", "batch", ("cronjobs", "jobs"), ("create", "update", "patch", "delete")),
    Right(
        "disruption", "autoscaling", ("horizontalpodautoscalers",), ("update", "patch")
    ),
    Right("disruption", "policy", ("poddisruptionbudgets",), ("update", "patch")),
    Right("disruption", "networking.k8s.io", ("networkpolicies",), ("update",)),
)  # fmt: skip


def rights(mode: Mode) -> list[Right]:
    """All that a mode needs."""
    return [r for r in RIGHTS if MODES.index(r.mode) <= MODES.index(mode)]


def manifests(mode: Mode, namespace: str, user: str) -> Iterator[dict[str, Any]]:
    """Roles with these rights, and their bindings, for `kubectl apply`.

    Args:
        namespace: MLflow's.
        user: who runs the suite; ``system:serviceaccount:NAMESPACE:NAME`` for a ServiceAccount.
    """
    name = f"mlflow-conformance-{mode}"
    for kind, everywhere in (("ClusterRole", True), ("Role", False)):
        where = {} if everywhere else {"namespace": namespace}
        meta = {"name": name, **where}
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": kind,
            "metadata": meta,
            "rules": [
                {"apiGroups": [r.group], "resources": list(r.resources), "verbs": list(r.verbs)}
                for r in rights(mode)
                if r.everywhere is everywhere
            ],
        }
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": f"{kind}Binding",
            "metadata": meta,
            "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name},
            "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": user}],
        }
