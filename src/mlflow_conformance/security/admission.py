# SPDX-License-Identifier: Apache-2.0
"""Pods that break one rule of the Pod Security Standards each, offered to the API server.

Nothing is made: each is a dry run. A pod is one of MLflow's own template, so that whatever else a
cluster demands of pods is there, with one field changed.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube

Level = Literal["baseline", "restricted"]
Change = Mapping[str, Any]
_ADDED = "conformance"
"""Name of what a change adds to a list."""
REFUSED = "violates PodSecurity"
"""What the API server's own admission says of a pod that it refuses."""


@dataclass(frozen=True)
class Breach:
    """A rule, and what a pod has that breaks it.

    Attributes:
        level: the less strict of the standards that have the rule.
        spec: what is changed of the pod's specification; None takes a field away, and entries of
            lists are added.
        container: likewise of the server's container.
    """

    level: Level
    spec: Change
    container: Change


def _pod(level: Level, **spec: Any) -> Breach:
    return Breach(level, spec, {})


def _container(level: Level, **context: Any) -> Breach:
    return Breach(level, {}, {"securityContext": context})


# Of https://kubernetes.io/docs/concepts/security/pod-security-standards/, but for Windows.
RULES: Mapping[str, Breach] = {
    "host network": _pod("baseline", hostNetwork=True),
    "host process IDs": _pod("baseline", hostPID=True),
    "host IPC": _pod("baseline", hostIPC=True),
    "hostPath": _pod("baseline", volumes=[{"name": _ADDED, "hostPath": {"path": "/"}}]),
    "host port": Breach(
        "baseline", {}, {"ports": [{"name": _ADDED, "containerPort": 65000, "hostPort": 65000}]}
    ),
    # The API knows no privileged container that could not gain privileges.
    "privileged": _container("baseline", privileged=True, allowPrivilegeEscalation=None),
    "privileged before the start": _pod(
        "baseline",
        initContainers=[
            {"name": _ADDED, "image": "none:0", "securityContext": {"privileged": True}}
        ],
    ),
    "capability of administrators": _container("baseline", capabilities={"add": ["NET_ADMIN"]}),
    "sysctl": _pod(
        "baseline", securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "65536"}]}
    ),
    "procMount": _container("baseline", procMount="Unmasked"),
    "SELinux type": _container("baseline", seLinuxOptions={"type": "spc_t"}),
    "SELinux user": _container("baseline", seLinuxOptions={"user": "system_u"}),
    "AppArmor": _container("baseline", appArmorProfile={"type": "Unconfined"}),
    "seccomp unconfined": _container("baseline", seccompProfile={"type": "Unconfined"}),
    "volume of a server": _pod(
        "restricted", volumes=[{"name": _ADDED, "nfs": {"server": "192.0.2.1", "path": "/"}}]
    ),
    "privilege escalation": _container("restricted", allowPrivilegeEscalation=True),
    "user root": _container("restricted", runAsUser=0),
    "runAsNonRoot": _container("restricted", runAsNonRoot=False),
    "no seccomp profile": Breach(
        "restricted",
        {"securityContext": {"seccompProfile": None}},
        {"securityContext": {"seccompProfile": None}},
    ),
    "capabilities kept": _container("restricted", capabilities={"drop": None}),
    "capability of files' owners": _container("restricted", capabilities={"add": ["CHOWN"]}),
}


@dataclass(frozen=True)
class AdmissionAnswers:
    """What the API server said.

    Attributes:
        conforming: of the template as it is: ``admitted``, or why not.
        refused: the rules whose pods admission refuses.
        admitted: those whose pods it admits.
        otherwise: what it said of those that it does not take for other reasons, by the rule.
    """

    conforming: str
    refused: Sequence[str]
    admitted: Sequence[str]
    otherwise: Mapping[str, str]


def ask(kube: Kube, template: Mapping[str, Any], container: str, level: str) -> AdmissionAnswers:
    """Offer a pod for every rule of a level, and the template as it is.

    Args:
        template: of pods, such as a Deployment's.
        container: that the changes of containers are made to.
        level: ``baseline`` or ``restricted``, which has the rules of both.

    Raises:
        KubeFailed: the API server did not answer.
    """
    refused, admitted, otherwise = [], [], {}
    for name, rule in RULES.items():
        if level == "baseline" and rule.level != "baseline":
            continue
        said = _offered(kube, pod_of(template, container, rule))
        if isinstance(said, str):
            if REFUSED in said:
                refused.append(name)
            else:
                otherwise[name] = said
        elif breaks(said["spec"], container, rule):
            admitted.append(name)
        else:
            otherwise[name] = "the API server does not know the field, and leaves it out"
    said = _offered(kube, pod_of(template, container, None))
    return AdmissionAnswers(
        said if isinstance(said, str) else "admitted", refused, admitted, otherwise
    )


def pod_of(template: Mapping[str, Any], container: str, rule: Breach | None) -> dict[str, Any]:
    """A pod of a template, changed so that it breaks a rule."""
    meta: Mapping[str, Any] = template.get("metadata") or {}
    spec = copy.deepcopy(dict(template["spec"]))
    if rule is not None:
        spec = _changed(spec, rule.spec)
        spec["containers"] = [
            _changed(c, rule.container) if c["name"] == container else c for c in spec["containers"]
        ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "mlflow-conformance-admission",
            **{k: meta[k] for k in ("labels", "annotations") if k in meta},
        },
        "spec": spec,
    }


def breaks(spec: Mapping[str, Any], container: str, rule: Breach) -> bool:
    """Whether a pod's specification still has what breaks a rule."""
    (own,) = (c for c in spec["containers"] if c["name"] == container)
    return _holds(spec, rule.spec) and _holds(own, rule.container)


def _offered(kube: Kube, pod: Mapping[str, Any]) -> dict[str, Any] | str:
    """The pod as it would be made, or why it would not."""
    try:
        return kube.create(pod, dry_run=True)
    except KubeFailed as refusal:
        if refusal.status is None:
            raise
        return str(refusal)


def _changed(value: Any, change: Any) -> Any:
    match change:
        case Mapping():
            kept = dict(value or {})
            for key, part in change.items():
                if part is None:
                    kept.pop(key, None)
                else:
                    kept[key] = _changed(kept.get(key), part)
            return kept
        case list():
            return [*(value or []), *change]
        case _:
            return change


def _holds(value: Any, change: Any) -> bool:
    match change:
        case Mapping():
            return all(_holds((value or {}).get(key), part) for key, part in change.items())
        case list():
            return all(any(_holds(found, part) for found in value or []) for part in change)
        case _:
            return bool(value == change)
