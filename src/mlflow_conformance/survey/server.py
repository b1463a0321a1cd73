# SPDX-License-Identifier: Apache-2.0
"""Which of a namespace's workloads is MLflow's server, and how it is started."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.cluster.secret_uses import uses_of
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.survey.command import (
    SERVER,
    Value,
    environment_of,
    expanded,
    options_of,
    words_of,
)

_DEFAULT_PORT = 5000  # of `mlflow server`
_VARIABLES = {
    "backend-store-uri": "MLFLOW_BACKEND_STORE_URI",
    "default-artifact-root": "MLFLOW_DEFAULT_ARTIFACT_ROOT",
    "artifacts-destination": "MLFLOW_ARTIFACTS_DESTINATION",
    "serve-artifacts": "MLFLOW_SERVE_ARTIFACTS",
    "host": "MLFLOW_HOST",
    "port": "MLFLOW_PORT",
    "workers": "MLFLOW_WORKERS",
    "allowed-hosts": "MLFLOW_SERVER_ALLOWED_HOSTS",
    "static-prefix": "_MLFLOW_STATIC_PREFIX",
    "expose-prometheus": "MLFLOW_EXPOSE_PROMETHEUS",
}
"""The options of `mlflow server` that click also reads from the environment."""


@dataclass(frozen=True)
class Server:
    """MLflow's server as its workload describes it.

    Attributes:
        kind: ``deployment`` or ``statefulset``.
        container: its container's name; `spec` is that container, `pod` the specification around.
        options: of the command line, by their long names without dashes; a flag has "".
        environment: by the variables' names.
        words: the whole command line.
        because: why it was taken for the server.
    """

    kind: str
    name: str
    replicas: int
    selector: Mapping[str, str]
    labels: Mapping[str, str]
    pod: Mapping[str, Any]
    spec: Mapping[str, Any]
    options: Mapping[str, str]
    environment: Mapping[str, Value]
    words: Sequence[str]
    because: str

    @property
    def container(self) -> str:
        """The name of its container."""
        return str(self.spec["name"])

    @property
    def image(self) -> str:
        """The image of its container."""
        return str(self.spec.get("image", ""))

    def option(self, name: str) -> Value | None:
        """An option of `mlflow server`, wherever it was given; None when it was not."""
        if name in self.options:
            return expanded(Value(self.options[name]), self.environment)
        variable = self.environment.get(_VARIABLES.get(name, ""))
        return expanded(variable, self.environment) if variable else None

    def variable(self, *names: str) -> Value | None:
        """The first of these variables that is set and not empty."""
        for name in names:
            found = self.environment.get(name)
            if found and found.text != "":
                return expanded(found, self.environment)
        return None

    def secret_at(self, path: str) -> str | None:
        """The Secret of which a file of the container is, if it is the certificate of one."""
        folder, _, name = path.rpartition("/")
        mounted = [m for m in self.spec.get("volumeMounts") or [] if m["mountPath"] == folder]
        for volume in self.pod.get("volumes") or []:
            if "secret" not in volume or volume["name"] not in [m["name"] for m in mounted]:
                continue
            items = volume["secret"].get("items")
            keys = {i["path"]: i["key"] for i in items} if items else {name: name}
            if keys.get(name) in ("ca.crt", "tls.crt"):
                return str(volume["secret"]["secretName"])
        return None

    @property
    def told(self) -> bool:
        """Its pod says how it is started, rather than its image alone."""
        return bool(SERVER.search(" ".join(self.words)))

    @property
    def port(self) -> int:
        """The port at which it listens."""
        given = self.option("port")
        if given and (given.text or "").isdigit():
            return int(given.text or 0)
        ports = [int(p["containerPort"]) for p in self.spec.get("ports") or []]
        return ports[0] if len(ports) == 1 else _DEFAULT_PORT


def secrets_of(bundle: Bundle, wanted: str | None) -> set[str]:
    """The names of the Secrets that the server's environment is made of.

    Raises:
        Unusable: see `server_in`.
    """
    _, container, _ = _chosen(bundle, wanted)
    return {use.secret for use in uses_of({"containers": [container]})}


def server_in(bundle: Bundle, wanted: str | None = None) -> Server:
    """The server among the namespace's Deployments and StatefulSets.

    Args:
        wanted: the one that is meant, as ``deployment/NAME`` or ``NAME``.

    Raises:
        Unusable: none is, or more than one could be, or workloads may not be read.
    """
    workload, container, because = _chosen(bundle, wanted)
    spec = workload["spec"]
    template = spec["template"]
    environment = dict(environment_of(bundle, container))
    words = words_of(container)
    return Server(
        kind=str(workload["kind"]).lower(),
        name=workload["metadata"]["name"],
        replicas=1 if spec.get("replicas") is None else int(spec["replicas"]),
        selector=(spec.get("selector") or {}).get("matchLabels") or {},
        labels=template["metadata"].get("labels") or {},
        pod=template["spec"],
        spec=container,
        options=dict(options_of(words)),
        environment=environment,
        words=words,
        because=because,
    )


_Candidate = tuple[Mapping[str, Any], Mapping[str, Any], str]


def _chosen(bundle: Bundle, wanted: str | None) -> _Candidate:
    found = list(_candidates(bundle))
    if wanted is not None:
        kind, _, name = wanted.rpartition("/")
        named = [
            (w, c, f"--server names it{why and ', and '}{why}")
            for w, c, why, _ in _all(bundle)
            if w["metadata"]["name"] == name and kind.lower() in ("", str(w["kind"]).lower())
        ]
        if not named:
            raise Unusable(
                f"There is no Deployment or StatefulSet {wanted!r} in {bundle.namespace}",
                remedy="Correct --server; see `kubectl get deployments,statefulsets`",
            )
        return named[0]
    if not found:
        refused = {k: v for k, v in bundle.unreadable.items() if k in ("deployment", "statefulset")}
        if refused:
            raise Unusable(
                f"Workloads of {bundle.namespace} may not be read: "
                + "; ".join(f"{kind}s: {why}" for kind, why in sorted(refused.items())),
                remedy="Use a context that may get and list them in that namespace",
            )
        raise Unusable(
            f"No Deployment or StatefulSet in {bundle.namespace} looks like a server of MLflow",
            remedy="Name its namespace with --namespace, or the workload with --server",
        )
    best = max(score for *_, score in found)
    likely = [(w, c, why) for w, c, why, score in found if score == best]
    if len(likely) > 1:
        names = ", ".join(f"{w['kind'].lower()}/{w['metadata']['name']}" for w, _, _ in likely)
        raise Unusable(
            f"More than one workload of {bundle.namespace} may be MLflow's server: {names}",
            remedy="Name the one that is meant with --server",
        )
    return likely[0]


def _all(bundle: Bundle) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], str, int]]:
    for workload in bundle.of("Deployment", "StatefulSet"):
        containers = workload["spec"]["template"]["spec"]["containers"]
        rated = [(*_rating(container), container) for container in containers]
        score, why, container = max(rated, key=lambda r: r[0])
        yield workload, container, why, score


def _candidates(
    bundle: Bundle,
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], str, int]]:
    return (found for found in _all(bundle) if found[3] > 0)


def _rating(container: Mapping[str, Any]) -> tuple[int, str]:
    """How much a container looks like the server, and by what."""
    line = " ".join(words_of(container))
    if SERVER.search(line):
        return 3, "its command is `mlflow server`"
    variables = {str(v["name"]) for v in container.get("env") or []}
    if variables & {"MLFLOW_BACKEND_STORE_URI", "MLFLOW_ARTIFACTS_DESTINATION"}:
        return 2, "its environment says where MLflow's stores are"
    image = str(container.get("image", "")).split("@")[0].rpartition("/")[2].split(":")[0]
    runs_else = bool(container.get("command") or container.get("args"))
    if "mlflow" in image and not runs_else:
        return 1, f"it runs the image {container['image']} as it is"
    return 0, ""
