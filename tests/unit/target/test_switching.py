# SPDX-License-Identifier: Apache-2.0
"""Tracing as a deployment prints it, as changes of what is deployed without it."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.target.switching import switched_on

NAMES = MlflowNames(deployment="m", service="m", selector={"app": "m", "tier": "web"})
ENV = [{"name": "MLFLOW_PORT", "value": "1"}, {"name": "OTEL_SERVICE_NAME", "value": "m"}]


class Cluster:
    """A cluster that holds some network policies."""

    def __init__(self, policies: Mapping[str, Any]) -> None:
        self._policies = policies

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        assert kind == "networkpolicy"
        spec = self._policies.get(name)
        return None if spec is None else {"spec": spec}


def server(env: list[dict[str, str]], **container: Any) -> dict[str, Any]:
    containers = [{"name": "proxy"}, {"name": "mlflow", "env": env, **container}]
    return {
        "kind": "Deployment",
        "metadata": {"name": "m"},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


def policy(name: str, labels: dict[str, str], port: int, *expressions: object) -> dict[str, Any]:
    selector = {"matchLabels": labels, "matchExpressions": list(expressions)}
    spec = {"podSelector": selector, "egress": [{"ports": [{"port": port}]}]}
    return {"kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec}


def changes(manifests: list[dict[str, Any]], **policies: Any) -> list[Any]:
    return switched_on(manifests, NAMES, cast(Kube, Cluster(policies)))


def test_the_command_and_the_settings_of_opentelemetry_are_taken_and_nothing_else() -> None:
    (change,) = changes([server(ENV, command=["otel", "mlflow"], image="x")])
    assert (change.kind, change.name, change.patch_type) == ("deployment", "m", "strategic")
    assert change.patch["spec"]["template"]["spec"]["containers"] == [
        {"name": "mlflow", "command": ["otel", "mlflow"], "env": [ENV[1]]}
    ]


def test_policies_of_the_servers_pods_are_added_or_made_as_printed() -> None:
    new, other = policy("new", {"app": "m"}, 4318), policy("other", {"app": "db"}, 1)
    same, all_pods = policy("same", {"app": "m"}, 2), policy("all", {}, 3)
    apart = policy("apart", {"app": "m"}, 4, {"key": "tier", "operator": "DoesNotExist"})
    wider = policy("wider", {"app": "m", "tier": "web"}, 4318)
    found = changes(
        [new, other, same, all_pods, apart, wider, server(ENV)],
        same=same["spec"],
        wider={**wider["spec"], "egress": []},
    )
    assert [(c.action, c.name or c.manifest["metadata"]["name"]) for c in found] == [
        ("add", "new"),
        ("patch", "wider"),
        ("patch", "m"),
    ]
    assert found[1].json_patch == [{"op": "replace", "path": "/spec", "value": wider["spec"]}]


@pytest.mark.parametrize("manifests", [[], [server(ENV[:1])]])
def test_what_does_not_trace_is_no_way_to_switch_it_on(manifests: list[dict[str, Any]]) -> None:
    with pytest.raises(Undecided, match=r"names\.tracing\.objects printed no deployment m"):
        changes(manifests)
