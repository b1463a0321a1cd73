# SPDX-License-Identifier: Apache-2.0
"""What a run may ask of a cluster: for each mode and place the rights it needs.

Of every mode the rights of the ones before it are a part. Nothing is written in the whole cluster
but by faults: the namespaces of the runner and of probe pods are prepared, with a role in each.
Lines of a profile and of its guide (`helm upgrade`, `kubectl apply -k`) need besides what they
themselves do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Mode = Literal["read-only", "default", "disruption"]
MODES: Sequence[Mode] = ("read-only", "default", "disruption")
"""The least first."""
Place = Literal["cluster", "mlflow", "runner", "probes", "sources"]
"""The whole cluster; MLflow's namespace; the runner's; those of probe pods; those that sources of
connections name."""

RBAC = "rbac.authorization.k8s.io"
"""The group of the API that rights themselves are in."""
_READ = ("get", "list")
_CHANGE = ("create", "update", "patch", "delete")


@dataclass(frozen=True)
class Right:
    """What may be done to kinds of objects.

    Attributes:
        mode: the first one that needs it.
        group: of the API; empty for the core.
        resources: by their plurals, subresources behind a slash.
        why: for people, one line.
    """

    mode: Mode
    place: Place
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str


def _pods(place: Place, why: str) -> tuple[Right, ...]:
    """Pods of this suite's own in a place, with commands in them."""
    return (
        Right("default", place, "", ("pods",), (*_READ, "create", "patch", "delete"), why),
        Right("default", place, "", ("pods/exec",), ("get", "create"), "commands in them"),
        Right("default", place, "", ("pods/log",), ("get",), "what they write"),
    )


RIGHTS: Sequence[Right] = (
    Right(
        "read-only", "mlflow", "",
        ("configmaps", "events", "persistentvolumeclaims", "pods", "secrets", "services"), _READ,
        "the deployment; of Secrets, how good credentials are and where else they stand",
    ),
    Right("read-only", "mlflow", "", ("pods/log",), ("get",), "what its pods write"),
    Right(
        "read-only", "mlflow", "apps",
        ("controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"), _READ,
        "the deployment, and former revisions, which a rollback would bring back",
    ),
    Right("read-only", "mlflow", "batch", ("cronjobs", "jobs"), _READ, "the deployment"),
    Right(
        "read-only", "mlflow", "autoscaling", ("horizontalpodautoscalers",), _READ,
        "the deployment",
    ),
    Right("read-only", "mlflow", "policy", ("poddisruptionbudgets",), _READ, "the deployment"),
    Right(
        "read-only", "mlflow", "discovery.k8s.io", ("endpointslices",), _READ, "the deployment"
    ),
    Right(
        "read-only", "mlflow", "networking.k8s.io", ("ingresses", "networkpolicies"), _READ,
        "the deployment",
    ),
    Right("read-only", "mlflow", "metrics.k8s.io", ("pods",), _READ, "what its pods use"),
    Right(
        "read-only", "cluster", "", ("namespaces",), _READ,
        "they are of no namespace: which there are, and whose labels policies ask for",
    ),
    Right(
        "read-only", "cluster", "", ("nodes",), _READ,
        "they are of no namespace: over how many of them replicas can be spread",
    ),
    # MLflow's pods from inside, `mlflow gc`, and a probe beside them.
    *_pods("mlflow", "a probe beside MLflow's pods; asked whether one that breaks a rule is taken"),
    Right(
        "default", "mlflow", "", ("serviceaccounts",), (*_READ, "impersonate"),
        "what each account of the namespace may do is asked as that account",
    ),
    Right(
        "default", "mlflow", "", ("serviceaccounts/token",), ("create",),
        "tokens that no STS may take",
    ),
    Right(
        "default", "cluster", RBAC,
        ("clusterrolebindings", "clusterroles", "rolebindings", "roles"), _READ,
        "what everybody may do, who may not be asked",
    ),
    *_pods("runner", "the runner, and pods that send load"),
    Right(
        "default", "runner", "", ("secrets", "serviceaccounts"),
        (*_READ, "create", "patch", "delete"),
        "names.runner.pod: its pull secrets are copied here, and its account is made here",
    ),
    *_pods("probes", "a probe for each source of connections"),
    Right("default", "probes", "", ("serviceaccounts",), _READ, "whether pods are taken yet"),
    Right(
        "default", "probes", "", ("secrets",), ("get", "create", "patch", "delete"),
        "names.runner.pod: its pull secrets are copied here as well",
    ),
    Right(
        "default", "probes", "networking.k8s.io", ("networkpolicies",),
        (*_READ, "create", "patch", "delete"),
        "a policy between this suite's own pods shows that policies are enforced at all",
    ),
    *_pods("sources", "a probe for a source that the profile names by its namespace"),
    Right("default", "sources", "", ("serviceaccounts",), _READ, "whether pods are taken yet"),
    Right(
        "default", "cluster", "", ("pods",), _READ,
        "which pods of other namespaces MLflow could reach; probes that a killed run left anywhere",
    ),
    Right(
        "default", "cluster", "", ("services",), _READ,
        "services of other namespaces that MLflow must or must not reach",
    ),
    Right(
        "default", "cluster", "gateway.networking.k8s.io",
        ("grpcroutes", "httproutes", "tcproutes", "tlsroutes", "udproutes"), _READ,
        "routes of any namespace may lead to the database or the object store",
    ),
    Right(
        "default", "cluster", "traefik.io",
        ("ingressroutes", "ingressroutetcps", "ingressrouteudps"), _READ,
        "routes of any namespace may lead to the database or the object store",
    ),
    Right(
        "default", "cluster", "networking.k8s.io", ("ingresses",), _READ,
        "Ingresses of any namespace may lead to the database or the object store",
    ),
    Right(
        "default", "cluster", "discovery.k8s.io", ("endpointslices",), _READ,
        "a Service without a selector leads from any namespace where its endpoints are",
    ),
    Right(
        "default", "mlflow", "cilium.io", ("ciliumnetworkpolicies",), _READ,
        "what they admit adds up with the NetworkPolicies",
    ),
    Right(
        "default", "cluster", "cilium.io", ("ciliumclusterwidenetworkpolicies",), _READ,
        "they are of no namespace: what they admit adds up with the NetworkPolicies",
    ),
    *(
        Right(
            "default", "cluster", group, resources, _READ,
            "of policies and routes that are not read it is told that there are some",
        )
        for group, resources in (
            (
                "policy.networking.k8s.io",
                ("adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies"),
            ),
            ("crd.projectcalico.org", ("globalnetworkpolicies", "networkpolicies")),
            ("projectcalico.org", ("globalnetworkpolicies", "networkpolicies")),
            ("crd.antrea.io", ("clusternetworkpolicies", "networkpolicies")),
            ("networking.istio.io", ("virtualservices",)),
            ("projectcontour.io", ("httpproxies",)),
            ("elbv2.k8s.aws", ("targetgroupbindings",)),
            ("route.openshift.io", ("routes",)),
        )
    ),
    Right(
        "default", "cluster", "monitoring.coreos.com", ("servicemonitors",), _READ,
        "monitors of any namespace may lead to MLflow's metrics",
    ),
    Right(
        "default", "mlflow", "monitoring.coreos.com", ("prometheusrules",), _READ,
        "which alerts the deployment has",
    ),
    # Faults and changes, each of which is put back.
    Right(
        "disruption", "cluster", "", ("nodes",), ("patch",),
        "they are of no namespace: one is cordoned for a drain",
    ),
    Right(
        "disruption", "cluster", "", ("persistentvolumes",), (*_READ, "patch"),
        "they are of no namespace: what a removal leaves, and a volume that is kept",
    ),
    Right(
        "disruption", "cluster", "", ("pods/eviction",), ("create",),
        "a drain moves every pod of its node, whosever it is",
    ),
    Right(
        "disruption", "mlflow", "", ("configmaps", "persistentvolumeclaims", "services"), _CHANGE,
        "faults and changes of the deployment",
    ),
    Right(
        "disruption", "mlflow", "apps", ("deployments", "replicasets", "statefulsets"), _CHANGE,
        "faults and changes of the deployment",
    ),
    Right(
        "disruption", "mlflow", "apps", ("deployments/scale", "statefulsets/scale"), ("patch",),
        "replicas by hand",
    ),
    Right(
        "disruption", "mlflow", "batch", ("cronjobs", "jobs"), _CHANGE, "backups and restores"
    ),
    Right(
        "disruption", "mlflow", "autoscaling", ("horizontalpodautoscalers",), ("update", "patch"),
        "held at its minimum while a fault is made",
    ),
    Right(
        "disruption", "mlflow", "policy", ("poddisruptionbudgets",), ("update", "patch"),
        "what was there is put back",
    ),
    Right(
        "disruption", "mlflow", "networking.k8s.io", ("networkpolicies",), _CHANGE,
        "what was there is put back",
    ),
)  # fmt: skip


def rights(mode: Mode) -> list[Right]:
    """All that a mode needs."""
    return [r for r in RIGHTS if MODES.index(r.mode) <= MODES.index(mode)]
