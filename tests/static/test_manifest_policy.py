# SPDX-License-Identifier: Apache-2.0
"""Every rule of the static tier notices what it is there for: one broken object each."""

import base64
import copy
from collections.abc import Callable
from typing import Any

import pytest

from manifest_policy import RULES, violations

USERS = "http://127.0.0.1:5000/api/2.0/mlflow/users/get?username=readiness-probe"
LABELS = {"app": "server"}
Objects = dict[str, dict[str, Any]]


def _healthy() -> Objects:
    container = {
        "name": "server",
        "image": "registry.example:5000/server:1.0",
        "env": [
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
            {"name": "URL", "value": "http://x"},
        ],
        "resources": {
            "requests": {"cpu": "1", "memory": "1Gi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
        },
        "startupProbe": {},
        "command": ["mlflow"],
        "readinessProbe": {"httpGet": {"path": "/api/2.0/mlflow/experiments/search"}},
        "livenessProbe": {},
        "lifecycle": {"preStop": {"sleep": {"seconds": 8}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "account": {"kind": "ServiceAccount", "metadata": {"name": "server"}},
        "deployment": {
            "kind": "Deployment",
            "metadata": {"name": "server"},
            "spec": {
                "replicas": 2,
                "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
                "template": {
                    "metadata": {"labels": LABELS},
                    "spec": {
                        "serviceAccountName": "server",
                        "automountServiceAccountToken": False,
                        "terminationGracePeriodSeconds": 40,
                        "securityContext": {
                            "runAsNonRoot": True,
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [container],
                        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
                    },
                },
            },
        },
        "service": {
            "kind": "Service",
            "metadata": {"name": "server"},
            "spec": {"type": "ClusterIP", "selector": LABELS},
        },
        "budget": {
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "server"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": LABELS}},
        },
        "deny": {
            "kind": "NetworkPolicy",
            "metadata": {"name": "deny"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        },
        "allow": {
            "kind": "NetworkPolicy",
            "metadata": {"name": "allow"},
            "spec": {
                "podSelector": {"matchLabels": LABELS},
                "ingress": [
                    {
                        "from": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}],
                        "ports": [{"port": 5000}],
                    }
                ],
            },
        },
        "secret": {
            "kind": "Secret",
            "metadata": {"name": "s"},
            "data": {"password": base64.b64encode(b"0123456789abcdefghijklmn").decode()},
        },
        "config": {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"text": "hello"}},
    }


def _pod(objects: Objects) -> dict[str, Any]:
    spec: dict[str, Any] = objects["deployment"]["spec"]["template"]["spec"]
    return spec


def _container(objects: Objects) -> dict[str, Any]:
    container: dict[str, Any] = _pod(objects)["containers"][0]
    return container


def _rule(objects: Objects) -> dict[str, Any]:
    rule: dict[str, Any] = objects["allow"]["spec"]["ingress"][0]
    return rule


MUTANTS: list[tuple[str, Callable[[Objects], object]]] = [
    ("images_are_pinned", lambda o: _container(o).update(image="registry.example:5000/server")),
    ("images_are_pinned", lambda o: _container(o).update(image="server:latest")),
    ("resources_are_bounded", lambda o: _container(o)["resources"]["limits"].pop("memory")),
    ("resources_are_bounded", lambda o: _container(o)["resources"].pop("requests")),
    ("servers_are_probed", lambda o: _container(o).pop("startupProbe")),
    ("servers_are_probed", lambda o: _container(o).pop("readinessProbe")),
    (
        "readiness_needs_the_database",
        lambda o: _container(o).update(readinessProbe={"httpGet": {"path": "/health"}}),
    ),
    (
        "readiness_needs_the_database",
        lambda o: _container(o).update(readinessProbe={"exec": {"command": ["curl", USERS]}}),
    ),
    ("pods_are_hardened", lambda o: _pod(o)["securityContext"].pop("runAsNonRoot")),
    ("pods_are_hardened", lambda o: _container(o).pop("securityContext")),
    ("pods_are_hardened", lambda o: _pod(o).update(hostNetwork=True)),
    ("scratch_is_sized", lambda o: _pod(o)["volumes"][0].update(emptyDir={})),
    ("no_token_is_mounted", lambda o: _pod(o).pop("automountServiceAccountToken")),
    ("no_token_is_mounted", lambda o: _pod(o).pop("serviceAccountName")),
    (
        "config_maps_hold_no_secret",
        lambda o: o["config"]["data"].update(text="pw=0123456789abcdefghijklmn"),
    ),
    (
        "config_maps_hold_no_secret",
        lambda o: _container(o)["env"][1].update(value="http://u:0123456789abcdefghijklmn@x"),
    ),
    (
        "config_maps_hold_no_secret",
        lambda o: _container(o)["env"].append({"name": "DB_PASSWORD", "value": "hello"}),
    ),
    ("services_stay_inside", lambda o: o["service"]["spec"].update(type="NodePort")),
    ("services_stay_inside", lambda o: o["service"]["spec"].update(externalIPs=["192.0.2.1"])),
    ("selectors_select", lambda o: o["service"]["spec"].update(selector={"app": "servre"})),
    (
        "selectors_select",
        lambda o: o["budget"]["spec"].update(selector={"matchLabels": {"app": "other"}}),
    ),
    (
        "selectors_select",
        lambda o: o["allow"]["spec"].update(podSelector={"matchLabels": {"app": "other"}}),
    ),
    (
        "references_resolve",
        lambda o: _container(o)["env"][0]["valueFrom"]["secretKeyRef"].update(key="pass"),
    ),
    ("mounts_exist", lambda o: _pod(o)["volumes"][0].update(name="temp")),
    (
        "mounts_exist",
        lambda o: _container(o)["volumeMounts"].append({"name": "tmp", "mountPath": "/tmp"}),
    ),
    (
        "variables_are_unique",
        lambda o: _container(o)["env"].append({"name": "URL", "value": "http://y"}),
    ),
    ("traffic_is_denied_by_default", lambda o: o.pop("deny")),
    ("traffic_is_denied_by_default", lambda o: o["deny"]["spec"].update(policyTypes=["Ingress"])),
    ("traffic_is_denied_by_default", lambda o: o["deny"]["spec"].update(ingress=[{}])),
    ("traffic_is_denied_by_default", lambda o: _rule(o).pop("from")),
    ("traffic_is_denied_by_default", lambda o: _rule(o).pop("ports")),
    (
        "traffic_is_denied_by_default",
        lambda o: _rule(o).update({"from": [{"namespaceSelector": {}}]}),
    ),
    (
        "traffic_is_denied_by_default",
        lambda o: _rule(o).update({"from": [{"namespaceSelector": {"matchLabels": None}}]}),
    ),
    (
        "traffic_is_denied_by_default",
        lambda o: _rule(o).update({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}),
    ),
    (
        "secrets_are_strong",
        lambda o: o["secret"]["data"].update(password=base64.b64encode(b"admin").decode()),
    ),
    ("budgets_let_nodes_drain", lambda o: o["budget"]["spec"].update(minAvailable=2)),
    (
        "rollouts_keep_serving",
        lambda o: o["deployment"]["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1),
    ),
    ("rollouts_keep_serving", lambda o: _container(o).pop("lifecycle")),
    ("rollouts_keep_serving", lambda o: _pod(o).update(terminationGracePeriodSeconds=5)),
]


def test_a_sound_deployment_breaks_no_rule() -> None:
    assert violations(list(_healthy().values())) == []


@pytest.mark.parametrize(("rule", "breaks"), MUTANTS)
def test_a_broken_deployment_breaks_its_rule(
    rule: str, breaks: Callable[[Objects], object]
) -> None:
    objects = copy.deepcopy(_healthy())
    breaks(objects)
    assert rule in {violation.rule for violation in violations(list(objects.values()))}


def test_every_rule_has_a_mutant() -> None:
    assert {rule for rule, _ in MUTANTS} == {rule.__name__ for rule in RULES}
