# SPDX-License-Identifier: Apache-2.0
"""Rules for rendered objects that schemas do not know: what a careful reviewer would refuse.

Every rule reads the objects of one deployment together, so that what must fit (a Service and its
pods, a budget and its replicas) is compared, not only looked at.
"""

import base64
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.security import hardening
from mlflow_conformance.stand.deploy.schemas import name_of

Manifest = Mapping[str, Any]

# Kinds that make pods which serve until they are told to stop; a Job's container just ends.
_SERVING = {"Deployment", "StatefulSet", "DaemonSet"}
_SECRET_NAME = re.compile(
    r"(password|secret|token|private|credential|access[-_]?key)", re.IGNORECASE
)
# The least that makes a random text hard to guess, in bits (SEC-3).
SECRET_BITS = 128


@dataclass(frozen=True)
class Violation:
    """A rule that an object breaks."""

    rule: str
    object: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.object}: {self.message}"


def _pod(manifest: Manifest) -> Mapping[str, Any] | None:
    """The template of the pods that an object makes."""
    spec: Mapping[str, Any] = manifest.get("spec") or {}
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    if manifest["kind"] == "Pod":
        return manifest
    template: Mapping[str, Any] | None = spec.get("template")
    return template if template and "containers" in template.get("spec", {}) else None


def _pods(manifests: Sequence[Manifest]) -> Iterator[tuple[Manifest, Mapping[str, Any]]]:
    for manifest in manifests:
        if (pod := _pod(manifest)) is not None:
            yield manifest, pod


def _containers(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for manifest, pod in _pods(manifests):
        for container in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]:
            yield f"{name_of(manifest)}/{container['name']}", manifest["kind"], container


def _of_kind(manifests: Sequence[Manifest], kind: str) -> Iterator[Manifest]:
    return (manifest for manifest in manifests if manifest["kind"] == kind)


def images_are_pinned(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """SEC-7: every image has a tag other than latest, or a digest."""
    for where, _, container in _containers(manifests):
        name = container["image"].rpartition("/")[2]
        tag = name.partition(":")[2]
        if "@sha256:" not in name and tag in {"", "latest"}:
            yield where, f"the image {container['image']} is not pinned"


def resources_are_bounded(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """SEC-7: every container asks for CPU and memory and has limits for both."""
    for where, _, container in _containers(manifests):
        resources = container.get("resources", {})
        for bound in ("requests", "limits"):
            for resource in ("cpu", "memory"):
                if resource not in resources.get(bound, {}):
                    yield where, f"has no {bound}.{resource}"


def servers_are_probed(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """Every container that serves has a startup, a readiness and a liveness probe."""
    for manifest, pod in _pods(manifests):
        if manifest["kind"] in _SERVING:
            for container in pod["spec"]["containers"]:
                for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                    if probe not in container:
                        yield f"{name_of(manifest)}/{container['name']}", f"has no {probe}"


def readiness_needs_the_database(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """Readiness of MLflow is that of a tracking call.

    /health is 200 without a database, and users/get with one of another version of MLflow.
    """
    for where, kind, container in _containers(manifests):
        if kind in _SERVING and "mlflow" in container.get("command", []):
            asked = str(container.get("readinessProbe"))
            if "/api/2.0/mlflow/" not in asked or "/users/" in asked:
                yield where, "is ready without a tracking call"


def pods_are_hardened(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """SEC-1: the restricted Pod Security Standard, and a read-only root."""
    for manifest, pod in _pods(manifests):
        where = name_of(manifest)
        for found in hardening.violations(where, pod["spec"], seccomp="RuntimeDefault"):
            yield where, found


def scratch_is_sized(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """Every emptyDir has a size: without one a full /tmp takes the node with it."""
    for manifest, pod in _pods(manifests):
        for volume in pod["spec"].get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in (volume["emptyDir"] or {}):
                yield name_of(manifest), f"the volume {volume['name']} has no sizeLimit"


def no_token_is_mounted(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """SEC-2: no pod has a token of the cluster's API; each has a ServiceAccount of its own."""
    made = {sa["metadata"]["name"] for sa in _of_kind(manifests, "ServiceAccount")}
    for manifest, pod in _pods(manifests):
        spec = pod["spec"]
        if spec.get("automountServiceAccountToken") is not False:
            yield name_of(manifest), "mounts a token of the cluster's API"
        if spec.get("serviceAccountName") not in made:
            yield name_of(manifest), "has no ServiceAccount of its own"


def config_maps_hold_no_secret(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """SEC-3: what is in a Secret is in no ConfigMap, and in no variable in plain text."""
    secrets = {
        value
        for secret in _of_kind(manifests, "Secret")
        for value in (secret.get("data") or {}).values()
        if len(value) >= SECRET_BITS // 6
    }
    for config in _of_kind(manifests, "ConfigMap"):
        for key, value in (config.get("data") or {}).items():
            if any(secret in value or _plain(secret) in value for secret in secrets):
                yield name_of(config), f"the key {key} holds what a Secret holds"
    for where, _, container in _containers(manifests):
        for variable in container.get("env", []):
            literal = variable.get("value", "")
            if any(_plain(secret) in literal for secret in secrets):
                yield where, f"the variable {variable['name']} holds what a Secret holds"
            # A path or a switch is no secret, whatever it is called.
            harmless = "/" in literal or literal in {"", "true", "false"}
            if not harmless and _SECRET_NAME.search(variable["name"]):
                yield where, f"the variable {variable['name']} is written in plain text"


def _plain(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return encoded


def services_stay_inside(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """NET-2: no Service leaves the cluster but through the Ingress."""
    for service in _of_kind(manifests, "Service"):
        if (kind := service["spec"].get("type", "ClusterIP")) != "ClusterIP":
            yield name_of(service), f"is of type {kind}"
        if service["spec"].get("externalIPs"):
            yield name_of(service), "has external addresses"


def selectors_select(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """Every Service, budget and policy selects pods that are there."""
    labels = [pod["metadata"]["labels"] for _, pod in _pods(manifests)]
    for manifest in manifests:
        spec = manifest.get("spec") or {}
        expressions: list[Mapping[str, Any]] = []
        if manifest["kind"] == "Service":
            wanted = spec.get("selector") or {}
        elif manifest["kind"] == "PodDisruptionBudget":
            wanted = spec["selector"].get("matchLabels", {})
        elif manifest["kind"] == "NetworkPolicy":
            selector = spec.get("podSelector") or {}
            wanted = selector.get("matchLabels", {})
            expressions = selector.get("matchExpressions", [])
        else:
            continue
        if not any(_matches(have, wanted, expressions) for have in labels):
            yield name_of(manifest), "selects no pod of this deployment"


def _matches(
    have: Mapping[str, str], wanted: Mapping[str, str], expressions: Sequence[Mapping[str, Any]]
) -> bool:
    return wanted.items() <= have.items() and all(
        have.get(expression["key"]) in expression["values"]
        for expression in expressions
        if expression["operator"] == "In"
    )


def references_resolve(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """Every key of a Secret or ConfigMap that a pod reads is there, unless neither is made here."""
    made = {
        (m["kind"], m["metadata"]["name"]): {*(m.get("data") or {}), *(m.get("stringData") or {})}
        for m in manifests
        if m["kind"] in {"Secret", "ConfigMap"}
    }
    for where, _, container in _containers(manifests):
        for variable in container.get("env", []):
            for kind, field in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
                reference = (variable.get("valueFrom") or {}).get(field)
                if reference is None or (kind, reference["name"]) not in made:
                    continue
                if reference["key"] not in made[kind, reference["name"]]:
                    yield where, f"{variable['name']}: {kind} has no key {reference['key']}"
    for manifest, pod in _pods(manifests):
        for volume in pod["spec"].get("volumes", []):
            for kind, field, name in (
                ("Secret", "secret", "secretName"),
                ("ConfigMap", "configMap", "name"),
            ):
                source = volume.get(field)
                if source is None or (kind, source[name]) not in made:
                    continue
                for item in source.get("items", []):
                    if item["key"] not in made[kind, source[name]]:
                        yield name_of(manifest), f"{kind} {source[name]} has no key {item['key']}"


def mounts_exist(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """Every mount names a volume of its pod, and every volume is mounted."""
    for manifest, pod in _pods(manifests):
        spec = pod["spec"]
        claims = (manifest.get("spec") or {}).get("volumeClaimTemplates", [])
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in claims}
        mounted: set[str] = set()
        for container in spec.get("initContainers", []) + spec["containers"]:
            mounts = [mount["name"] for mount in container.get("volumeMounts", [])]
            paths = Counter(mount["mountPath"] for mount in container.get("volumeMounts", []))
            mounted |= set(mounts)
            for name in sorted(set(mounts) - volumes):
                yield name_of(manifest), f"{container['name']} mounts {name}, which is no volume"
            for path in [path for path, count in paths.items() if count > 1]:
                yield name_of(manifest), f"{container['name']} mounts two volumes at {path}"
        for name in sorted(volumes - mounted):
            yield name_of(manifest), f"the volume {name} is mounted nowhere"


def variables_are_unique(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """No container has two variables of one name, of which the last would win."""
    for where, _, container in _containers(manifests):
        for name, count in Counter(v["name"] for v in container.get("env", [])).items():
            if count > 1:
                yield where, f"the variable {name} is there {count} times"


def _selects_all(selector: Mapping[str, Any] | None) -> bool:
    return selector is not None and not any(selector.values())


def traffic_is_denied_by_default(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """NET-1 to NET-3: a policy denies everything, and no other admits everyone."""
    policies = list(_of_kind(manifests, "NetworkPolicy"))
    if not any(
        policy["spec"].get("podSelector") == {}
        and set(policy["spec"].get("policyTypes", [])) == {"Ingress", "Egress"}
        and not policy["spec"].get("ingress")
        and not policy["spec"].get("egress")
        for policy in policies
    ):
        yield "NetworkPolicy", "none denies all traffic by default"
    for policy in policies:
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(direction) or []:
                if not rule.get(peers):
                    yield name_of(policy), f"an {direction} rule admits everyone"
                if not rule.get("ports"):
                    yield name_of(policy), f"an {direction} rule admits every port"
                for peer in rule.get(peers) or []:
                    if _selects_all(peer.get("namespaceSelector")) and not peer.get("podSelector"):
                        yield name_of(policy), f"an {direction} rule admits every namespace"
                    if peer.get("ipBlock", {}).get("cidr", "").endswith("/0"):
                        yield name_of(policy), f"an {direction} rule admits every address"


def secrets_are_strong(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """SEC-3: what looks generated in a Secret has at least 128 bits."""
    for secret in _of_kind(manifests, "Secret"):
        for key, value in (secret.get("data") or {}).items():
            if _SECRET_NAME.search(key) and not key.endswith("access-key"):
                bits = len(_plain(value)) * math.log2(62)
                if bits < SECRET_BITS:
                    yield name_of(secret), f"{key} has at most {bits:.0f} bits"


def budgets_let_nodes_drain(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """DIS-1: the budget leaves at least one pod that may be evicted."""
    least = {
        hpa["spec"]["scaleTargetRef"]["name"]: hpa["spec"].get("minReplicas", 1)
        for hpa in _of_kind(manifests, "HorizontalPodAutoscaler")
    }
    for budget in _of_kind(manifests, "PodDisruptionBudget"):
        wanted = budget["spec"]["selector"].get("matchLabels", {})
        for manifest, pod in _pods(manifests):
            if manifest["kind"] in _SERVING and _matches(pod["metadata"]["labels"], wanted, []):
                name = manifest["metadata"]["name"]
                replicas = least.get(name, manifest["spec"].get("replicas", 1))
                if budget["spec"].get("minAvailable", 0) in {replicas, "100%"}:
                    yield name_of(budget), f"lets none of {replicas} pods go"


def rollouts_keep_serving(manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """DIS-8: an update takes no pod away before its successor serves, and pods leave in order."""
    for manifest in _of_kind(manifests, "Deployment"):
        strategy = manifest["spec"].get("strategy", {}).get("rollingUpdate", {})
        if strategy.get("maxUnavailable") not in {0, "0%"}:
            yield name_of(manifest), "an update may take serving pods away: maxUnavailable is not 0"
        spec = manifest["spec"]["template"]["spec"]
        for container in spec["containers"]:
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
            if pause.get("seconds", 0) < 1:
                yield name_of(manifest), f"{container['name']} stops while requests still arrive"
            elif spec.get("terminationGracePeriodSeconds", 30) <= pause["seconds"]:
                yield name_of(manifest), f"{container['name']} is killed during its preStop"


RULES: tuple[Callable[[Sequence[Manifest]], Iterator[tuple[str, str]]], ...] = (
    images_are_pinned,
    resources_are_bounded,
    servers_are_probed,
    readiness_needs_the_database,
    pods_are_hardened,
    scratch_is_sized,
    no_token_is_mounted,
    config_maps_hold_no_secret,
    services_stay_inside,
    selectors_select,
    references_resolve,
    mounts_exist,
    variables_are_unique,
    traffic_is_denied_by_default,
    secrets_are_strong,
    budgets_let_nodes_drain,
    rollouts_keep_serving,
)


def violations(manifests: Sequence[Manifest]) -> list[Violation]:
    """Every rule that the objects of one deployment break."""
    return [
        Violation(rule.__name__, where, message)
        for rule in RULES
        for where, message in rule(manifests)
    ]
