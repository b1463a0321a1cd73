# SPDX-License-Identifier: Apache-2.0
"""From the objects of a namespace to what is found in them."""

from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.config.names import AuditorNames
from mlflow_conformance.survey.connections import find_policies
from mlflow_conformance.survey.found import Blank, Survey
from mlflow_conformance.survey.promises import (
    find_backup,
    find_limits,
    find_scaling,
    find_secrets,
    find_webhooks,
)
from mlflow_conformance.survey.server import Server, secrets_of, server_in
from mlflow_conformance.survey.stores import find_bucket, find_database
from mlflow_conformance.survey.ways import find_front, find_server

_AUDITOR = "auditor"
BASE_OF_ONE, BASE_OF_MANY = "baseline", "production"
"""What a deployment is held against: with one replica and no more, and with more."""


def look(bundle: Bundle, wanted: str | None = None) -> tuple[Survey, str]:
    """What a deployment is, and the base that its profile extends.

    Args:
        wanted: the server's workload, as ``deployment/NAME`` or ``NAME``, where there are several.

    Raises:
        Unusable: there is no server of MLflow, or no way to it.
    """
    found = Survey()
    server = server_in(bundle, wanted)
    found.names["namespace"] = bundle.namespace
    find_server(bundle, server, found)
    replicas = find_scaling(bundle, server, found)
    find_database(bundle, server, found)
    find_bucket(bundle, server, found)
    _auditor(bundle, found)
    find_front(bundle, found)
    find_policies(bundle, server, found)
    _runner(server, found)
    find_webhooks(server, found)
    find_secrets(bundle, found)
    find_backup(bundle, found)
    find_limits(found)
    scaled = "hpa" in found.names["mlflow"]
    base = BASE_OF_MANY if replicas > 1 or scaled else BASE_OF_ONE
    told = f"{replicas} replica{'s' if replicas > 1 else ''} at rest"
    found.decide(f"base: {base}", f"{told}{' and an autoscaler' if scaled else ''}")
    for kind, why in sorted(bundle.unreadable.items()):
        found.warnings.append(f"{kind} could not be read: {why}")
    return found, base


def secrets_wanted(bundle: Bundle, wanted: str | None = None) -> set[str]:
    """The Secrets that are looked into: what the server is given, and what may be the auditor's.

    Raises:
        Unusable: see `look`.
    """
    named = {str(s["metadata"]["name"]) for s in bundle.of("Secret")}
    return secrets_of(bundle, wanted) | {name for name in named if _AUDITOR in name}


def _auditor(bundle: Bundle, found: Survey) -> None:
    plain = AuditorNames(secret=_AUDITOR)
    stores = [
        (store, what, door, keys)
        for store, what, door, keys in (
            ("postgresql", "the database", "sql", (plain.sql_username, plain.sql_password)),
            ("s3", "the bucket", "bucket", (plain.s3_access_key, plain.s3_secret_key)),
        )
        if store in found.names
    ]
    if not stores:
        return
    asked = [key for *_, keys in stores for key in keys]
    for secret in bundle.of("Secret"):
        name = str(secret["metadata"]["name"])
        if _AUDITOR in name and set(asked) <= set(bundle.entries("Secret", name) or {}):
            found.names["auditor"] = {"secret": name}
            found.decide(f"auditor: Secret {name}", f"it has the keys of one: {', '.join(asked)}")
            return
    found.gaps.append(
        Blank(
            "auditor",
            "auditor: {secret: SECRET}",
            f"Secret with accounts that only read {' and '.join(what for _, what, *_ in stores)}, "
            f"by the keys {', '.join(asked)}",
            tuple(door for _, _, door, _ in stores),
        )
    )


def _runner(server: Server, found: Survey) -> None:
    """How the runner's pod gets MLflow's own image, and where pods of MLflow may be."""
    pod: dict[str, object] = {}
    if secrets := [s["name"] for s in server.pod.get("imagePullSecrets") or []]:
        pod["pull_secrets"] = secrets
    if nodes := server.pod.get("nodeSelector"):
        pod["node_selector"] = dict(nodes)
    if tolerations := server.pod.get("tolerations"):
        pod["tolerations"] = [dict(t) for t in tolerations]
    if pod:
        found.names.setdefault("runner", {}).setdefault("pod", {}).update(pod)
        found.decide("the runner's pod: " + ", ".join(pod), "as the server's own pods have them")
    found.decide(f"the runner's image: {server.image}", "it is MLflow's own, which has Python")
