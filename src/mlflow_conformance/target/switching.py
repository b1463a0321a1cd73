# SPDX-License-Identifier: Apache-2.0
"""The deployment's own way to trace, as changes of what is deployed without it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.selectors import matches
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Undecided

_SETTING = "OTEL_"
"""What the names of OpenTelemetry's environment variables begin with."""


def switched_on(
    manifests: Sequence[Mapping[str, Any]], names: MlflowNames, kube: Kube
) -> list[ObjectChange]:
    """What makes the deployment trace as it is printed: its server's command and settings, and
    the network policies of its server's pods.

    Raises:
        Undecided: no printed server has a setting of OpenTelemetry.
    """
    return [*_policies(manifests, names, kube), _server(manifests, names)]


def _server(manifests: Sequence[Mapping[str, Any]], names: MlflowNames) -> ObjectChange:
    for thing in manifests:
        if thing["kind"].lower() != names.kind or thing["metadata"]["name"] != names.deployment:
            continue
        for container in thing["spec"]["template"]["spec"]["containers"]:
            settings = [e for e in container.get("env") or [] if e["name"].startswith(_SETTING)]
            if container["name"] == names.container and settings:
                change: dict[str, JsonValue] = {"name": names.container, "env": settings}
                if "command" in container:
                    change["command"] = container["command"]
                patch: dict[str, JsonValue] = {
                    "spec": {"template": {"spec": {"containers": [change]}}}
                }
                return ObjectChange(kind=names.kind, name=names.deployment, patch=patch)
    raise Undecided(
        f"names.tracing.objects printed no {names.kind} {names.deployment} with settings of "
        "OpenTelemetry"
    )


def _policies(
    manifests: Sequence[Mapping[str, Any]], names: MlflowNames, kube: Kube
) -> list[ObjectChange]:
    changes = []
    for thing in manifests:
        if thing["kind"] != "NetworkPolicy":
            continue
        selector = thing["spec"].get("podSelector") or {}
        # One that is about all pods is nobody's own.
        if not any(selector.values()) or not matches(selector, names.selector):
            continue
        name = thing["metadata"]["name"]
        before = kube.find("networkpolicy", name)
        if before is None:
            changes.append(ObjectChange(action="add", manifest=dict(thing)))
        elif before["spec"].get("egress") != thing["spec"].get("egress"):
            changes.append(
                ObjectChange(
                    kind="networkpolicy",
                    name=name,
                    patch_type="json",
                    json_patch=[{"op": "replace", "path": "/spec", "value": thing["spec"]}],
                )
            )
    return changes
