# SPDX-License-Identifier: Apache-2.0
"""One namespace of one cluster: typed reads through the API, changes through kubectl.

Every call names the kubeconfig and the context, so that a kubeconfig whose current context was
switched in another terminal can never make this program touch another cluster.
"""

import base64
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml
from urllib3.util import Retry

from mlflow_conformance.core.errors import Unusable

if TYPE_CHECKING:
    # Importing it takes seconds of CPU, which a command that needs no cluster should not pay.
    from kubernetes.client import ApiClient


class KubectlFailed(Exception):  # noqa: N818 - an observation rather than a defect
    """A kubectl command ended with an error; its message holds what kubectl said."""


class Conflict(KubectlFailed):
    """Somebody else wrote the object at the same moment; nothing was changed."""


@dataclass(frozen=True)
class Pod:
    """One pod as the API server sees it now.

    Attributes:
        started: start time of the container that `Kube.pods` was asked for, RFC 3339, or None.
        restarts: how often that container was restarted.
    """

    name: str
    namespace: str
    uid: str
    ip: str | None
    node: str | None
    phase: str
    ready: bool
    terminating: bool
    restarts: int
    started: str | None
    labels: Mapping[str, str]
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Kube:
    """A cluster, and the namespace that commands use when they name none.

    Attributes:
        kubectl: the program.
        helm: the program of that name for who works on this cluster.
    """

    kubeconfig: Path
    context: str
    namespace: str
    kubectl: str = "kubectl"
    helm: str = "helm"

    @cached_property
    def client(self) -> "ApiClient":
        """The API client of this kubeconfig and context.

        Raises:
            Unusable: the kubeconfig or the context does not exist.
        """
        import kubernetes

        if not self.kubeconfig.is_file():
            raise Unusable(
                f"The kubeconfig {self.kubeconfig} does not exist",
                remedy="Set KUBECONFIG or name one with --kubeconfig",
            )
        settings = kubernetes.client.Configuration()
        # A try that failed is an observation. Not False: the client breaks on a bare TLS error.
        settings.retries = Retry(0, redirect=False)
        try:
            kubernetes.config.load_kube_config(
                str(self.kubeconfig), self.context, client_configuration=settings
            )
        except kubernetes.config.ConfigException as problem:
            raise Unusable(
                f"The context {self.context!r} cannot be used from {self.kubeconfig}: "
                + " ".join(str(problem).split()),
                remedy="List the contexts with `kubectl config get-contexts`",
            ) from problem
        except (yaml.YAMLError, OSError, ValueError, TypeError, AttributeError) as problem:
            # The client checks the form of a kubeconfig here and there, and mostly not at all.
            raise Unusable(
                f"{self.kubeconfig} is no kubeconfig: {' '.join(str(problem).split())[:200]}",
                remedy="Set KUBECONFIG or name one with --kubeconfig",
            ) from problem
        return kubernetes.client.ApiClient(settings)

    @cached_property
    def core(self) -> Any:
        """``CoreV1Api``."""
        from kubernetes.client import CoreV1Api

        return CoreV1Api(self.client)

    @cached_property
    def apps(self) -> Any:
        """``AppsV1Api``."""
        from kubernetes.client import AppsV1Api

        return AppsV1Api(self.client)

    @cached_property
    def policy(self) -> Any:
        """``PolicyV1Api``."""
        from kubernetes.client import PolicyV1Api

        return PolicyV1Api(self.client)

    @cached_property
    def autoscaling(self) -> Any:
        """``AutoscalingV2Api``."""
        from kubernetes.client import AutoscalingV2Api

        return AutoscalingV2Api(self.client)

    @cached_property
    def networking(self) -> Any:
        """``NetworkingV1Api``."""
        from kubernetes.client import NetworkingV1Api

        return NetworkingV1Api(self.client)

    def argv(self, *arguments: str, namespace: str | None = None) -> list[str]:
        """A kubectl command line for this cluster and namespace; none at all when it is empty."""
        where = self.namespace if namespace is None else namespace
        return [
            self.kubectl,
            f"--kubeconfig={self.kubeconfig}",
            f"--context={self.context}",
            *([f"--namespace={where}"] if where else []),
            *arguments,
        ]

    def run(
        self,
        *arguments: str,
        namespace: str | None = None,
        stdin: str | bytes | None = None,
        timeout_s: float = 60,
    ) -> str:
        """Run kubectl; returns its standard output.

        Raises:
            KubectlFailed: it ended with an error or not in time.
            Unusable: there is no kubectl.
        """
        argv = self.argv(*arguments, namespace=namespace)
        try:
            done = subprocess.run(
                argv,
                input=stdin.encode() if isinstance(stdin, str) else stdin,
                capture_output=True,
                timeout=timeout_s,
                check=False,
                # Ctrl-C in the terminal must not kill the command that puts things back.
                start_new_session=True,
            )
        except FileNotFoundError as problem:
            raise Unusable(
                f"There is no {self.kubectl} on this machine",
                remedy=f"Install {self.kubectl}",
            ) from problem
        except subprocess.TimeoutExpired as problem:
            raise KubectlFailed(
                f"kubectl {' '.join(arguments[:3])}: no answer within {timeout_s:g} s"
            ) from problem
        if done.returncode != 0:
            said = " ".join(done.stderr.decode("utf-8", "replace").split())
            raise KubectlFailed(f"kubectl {' '.join(arguments[:3])}: {_ending(said)}")
        return done.stdout.decode("utf-8", "replace")

    def get(self, *arguments: str, namespace: str | None = None) -> dict[str, Any]:
        """``kubectl get … -o json``.

        Raises:
            KubectlFailed: there is no such object.
        """
        return cast(
            dict[str, Any],
            json.loads(self.run("get", *arguments, "-o", "json", namespace=namespace)),
        )

    def apply(
        self, manifests: Sequence[Mapping[str, Any]], *, namespace: str | None = None
    ) -> None:
        """Server-side apply of manifests, in their order.

        Args:
            namespace: of all those that name none themselves.

        Raises:
            KubectlFailed: one was refused.
        """
        # kubectl refuses a manifest of another namespace than the one of its command line.
        named = any("namespace" in m["metadata"] for m in manifests)
        self.run(
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=mlflow-conformance",
            "-f",
            "-",
            namespace="" if named else namespace,
            stdin=yaml.safe_dump_all(list(manifests)),
        )

    def put(self, thing: Mapping[str, Any], *, new: bool) -> None:
        """Write a whole object exactly as it is given, its recorded field owners included.

        `kubectl replace` and `create` also rewrite the annotation of `kubectl apply`.

        Args:
            thing: with `apiVersion`, `kind`, name, and namespace where it has one.
            new: create it, rather than replace the one that exists.

        Raises:
            Conflict: somebody else wrote it at the same moment.
            KubectlFailed: the API server refused.
        """
        from kubernetes.client.rest import ApiException
        from kubernetes.dynamic import DynamicClient
        from kubernetes.dynamic.exceptions import ResourceNotFoundError

        name, namespace = thing["metadata"]["name"], thing["metadata"].get("namespace")
        try:
            resource = DynamicClient(self.client).resources.get(
                api_version=thing["apiVersion"], kind=thing["kind"]
            )
            if new:
                resource.create(body=dict(thing), namespace=namespace)
            else:
                # Some kinds are only replaced by a writer that names the version it replaces.
                version = resource.get(name=name, namespace=namespace).metadata.resourceVersion
                body = {**thing, "metadata": {**thing["metadata"], "resourceVersion": version}}
                resource.replace(body=body, name=name, namespace=namespace)
        except ResourceNotFoundError as problem:
            raise KubectlFailed(f"the cluster has no kind {thing['kind']}") from problem
        except ApiException as problem:
            said = f"put {thing['kind']} {name}: {problem.status} {problem.body}"
            failed = Conflict if problem.status == 409 and not new else KubectlFailed
            raise failed(" ".join(said.split())) from problem

    def pods(
        self,
        selector: Mapping[str, str],
        *,
        namespace: str | None = None,
        container: str | None = None,
    ) -> list[Pod]:
        """The pods that a selector matches, by name."""
        labels = ",".join(f"{k}={v}" for k, v in selector.items())
        found = self.core.list_namespaced_pod(
            namespace or self.namespace, label_selector=labels, _request_timeout=15
        )
        raw = self.client.sanitize_for_serialization(found)
        return sorted((_pod(item, container) for item in raw["items"]), key=lambda p: p.name)

    def ready_pods(self, selector: Mapping[str, str], *, container: str | None = None) -> list[Pod]:
        """Those of `pods` that serve: ready, with an address, and not on their way out."""
        return [
            pod
            for pod in self.pods(selector, container=container)
            if pod.ready and pod.ip and not pod.terminating
        ]

    def secret(self, name: str, *, namespace: str | None = None) -> dict[str, str]:
        """The decoded entries of a Secret; bytes that are not UTF-8 are replaced.

        Raises:
            LookupError: there is none, or it may not be read.
        """
        from kubernetes.client.rest import ApiException

        try:
            found = self.core.read_namespaced_secret(
                name, namespace or self.namespace, _request_timeout=15
            )
        except ApiException as problem:
            raise LookupError(
                f"the Secret {namespace or self.namespace}/{name} cannot be read: "
                f"{problem.status} {problem.reason}"
            ) from problem
        return {
            k: base64.b64decode(v).decode("utf-8", "replace") for k, v in (found.data or {}).items()
        }

    def exec(
        self,
        pod: str,
        *command: str,
        namespace: str | None = None,
        container: str | None = None,
        timeout_s: float = 60,
        stdin: bytes | None = None,
    ) -> str:
        """Run a command in a container; returns its standard output.

        Raises:
            KubectlFailed: it ended with an error or could not be started.
        """
        where = [f"--container={container}"] if container else []
        flags = ["-i"] if stdin is not None else []
        return self.run(
            "exec", *flags, pod, *where, "--", *command,
            namespace=namespace, timeout_s=timeout_s, stdin=stdin,
        )  # fmt: skip


def _ending(said: str, limit: int = 600) -> str:
    """The last part of a message: a traceback says what is wrong at its end."""
    return said if len(said) <= limit else f"…{said[-limit:]}"


def _pod(item: Mapping[str, Any], container: str | None) -> Pod:
    meta, status = item["metadata"], item.get("status", {})
    statuses = [
        s
        for s in status.get("containerStatuses", [])
        if container is None or s["name"] == container
    ]
    ready = any(
        c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", [])
    )
    running = statuses[0].get("state", {}).get("running", {}) if statuses else {}
    return Pod(
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        ip=status.get("podIP"),
        node=item.get("spec", {}).get("nodeName"),
        phase=status.get("phase", "Unknown"),
        ready=ready,
        terminating="deletionTimestamp" in meta,
        restarts=sum(s.get("restartCount", 0) for s in statuses),
        started=running.get("startedAt"),
        labels=meta.get("labels", {}),
        raw=item,
    )
