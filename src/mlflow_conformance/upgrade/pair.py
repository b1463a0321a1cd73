# SPDX-License-Identifier: Apache-2.0
"""The pair: a server of version A and one of version B, on the same data and the same node.

Both are bare pods of the Deployment's own template, so that its configuration is kept, each on its
own copy of A's database; B's copy was migrated by B. The bucket is shared. What compares the two
takes a `ServerPair` and knows nothing of pods, so that two servers on one machine serve it as well.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.load.engine import Load
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.load_pods import running_in_runner
from mlflow_conformance.target.own_pods import restricted_pod, wait_pod_ready
from mlflow_conformance.upgrade.bare import (
    bare_pod,
    containers_ready,
    instead,
    of_image,
    present,
    server_container,
)
from mlflow_conformance.upgrade.copies import ADDRESS, Copies, copies
from mlflow_conformance.upgrade.migration import SCRIPT, MigrationRecord
from mlflow_conformance.upgrade.models import Python

_CLIENT_S = 300


@dataclass(frozen=True)
class PairServer:
    """One of the two.

    Attributes:
        version: as it calls itself.
        api: the way to it without retries.
        python: of its own image.
    """

    name: Literal["A", "B"]
    version: str
    api: MlflowApi
    python: Python

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return self.api.base_url


@dataclass(frozen=True)
class ServerPair:
    """Both servers, and what reaches them.

    Attributes:
        load: starts a load on them and ends it.
        client: the Python of a client of some version, from which both are reached.
    """

    a: PairServer
    b: PairServer
    load: Callable[[LoadPlan, Path], AbstractContextManager[Load]]
    client: Callable[[str], AbstractContextManager[Python]]


@dataclass(frozen=True)
class PodPython:
    """The Python of a container."""

    kube: Kube
    namespace: str
    pod: str
    container: str | None = None

    def run(self, script: Path, request: JsonValue) -> JsonValue:
        """See `mlflow_conformance.upgrade.models.Python`."""
        said = self.kube.exec(
            self.pod, "python", "-", json.dumps(request),
            namespace=self.namespace, container=self.container,
            stdin=script.read_bytes(), timeout_s=_CLIENT_S,
        )  # fmt: skip
        return last_line(said)


def last_line(said: str) -> JsonValue:
    """The JSON value that the last line of an output is; libraries may say things before it.

    Raises:
        ValueError: it is none.
    """
    lines = said.strip().splitlines()
    value: JsonValue = json.loads(lines[-1] if lines else "")
    return value


@contextmanager
def standing_pair(target: Target, image: str, waiter: Waiter) -> Iterator[ServerPair]:
    """Stand the pair up beside the deployment, for as long as the context lasts.

    Args:
        image: what it is upgraded to; A's is what the Deployment has now. The cluster's nodes must
            be able to get both.

    Raises:
        Undecided: the database cannot be copied.
        KubeFailed, TimedOut, Hopeless: a pod could not be made, or did not become ready.
    """
    kube, names = target.need_kube(), target.names
    template = kube.get("deployment", names.mlflow.deployment)["spec"]["template"]
    own = server_container(template["spec"], names.mlflow.container)["image"]
    with ExitStack() as stack:
        made = stack.enter_context(copies(target, waiter))
        for name in ("a", "b"):
            made.make(name)
        beside = Beside(target, template, made, waiter)
        a_pod = stack.enter_context(beside.serving("a", own))
        beside.migrate("b", image)
        node = kube.get("pod", a_pod)["spec"]["nodeName"]
        b_pod = stack.enter_context(beside.serving("b", image, node))
        yield ServerPair(
            a=_server(target, "A", a_pod),
            b=_server(target, "B", b_pod),
            load=partial(running_in_runner, kube=kube, names=names.runner),
            client=lambda image: client_of(target, image, waiter),
        )


def rehearsed(target: Target, image: str, waiter: Waiter) -> MigrationRecord:
    """The migration to an image's schema, carried out on a copy that is thrown away.

    Raises:
        Undecided: the database cannot be copied.
        KubeFailed, TimedOut, Hopeless: it did not come to its end.
    """
    kube, names = target.need_kube(), target.names
    template = kube.get("deployment", names.mlflow.deployment)["spec"]["template"]
    with copies(target, waiter) as made:
        made.make("rehearsed")
        return Beside(target, template, made, waiter).migrate("rehearsed", image)


@dataclass(frozen=True)
class Beside:
    """Pods beside the deployment's own, from its template, each on a copy of the database."""

    target: Target
    template: Mapping[str, Any]
    copies: Copies
    waiter: Waiter

    @contextmanager
    def serving(self, name: str, image: str, node: str = "") -> Iterator[str]:
        """A server on the copy of a name; yields its pod's name when its containers are ready.

        Raises:
            TimedOut, Hopeless: they did not become ready.
        """
        spec = self._on_copy(name, image)
        if node:
            spec["nodeSelector"] = {"kubernetes.io/hostname": node}
        kube = self.target.need_kube()
        with present(kube, self._pod(f"mlflow-conformance-{name}", spec), self.waiter) as pod:
            containers_ready(kube, pod, self.waiter)
            yield pod

    def migrate(self, name: str, image: str) -> MigrationRecord:
        """Bring a copy to the schema of an image, by that image, and wait until that is done.

        Returns what was done.

        Raises:
            TimedOut: it took too long.
            Hopeless: it failed; with the last lines that it said.
        """
        kube, container = self.target.need_kube(), self.target.names.mlflow.container
        command = ["python", "-c", SCRIPT.read_text("utf-8")]
        spec = instead(self._on_copy(name, image), container, command)
        made = self._pod(f"mlflow-conformance-migrate-{name}", spec)
        with present(kube, made, self.waiter) as pod:
            self.waiter.until(
                f"migrated: the copy {name}",
                lambda: kube.get("pod", pod)["status"].get("phase"),
                done=lambda phase: phase == "Succeeded",
                hopeless=lambda phase: kube.log(pod, lines=5) if phase == "Failed" else None,
                timeout="restore finished",
                interval_s=0.5,
            )
            return MigrationRecord.model_validate(last_line(kube.log(pod)))

    def _pod(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        labels = self.template["metadata"].get("labels", {})
        return bare_pod(name, self.target.need_kube().namespace, labels, spec)

    def _on_copy(self, name: str, image: str) -> dict[str, Any]:
        """The template's specification with an image, and a copy in place of the database."""
        made = of_image(self.template["spec"], self.target.names.mlflow.container, image)
        address = self.copies.variable(name)
        for one in [*made["containers"], *made.get("initContainers", [])]:
            if one["image"] == image:
                others = [e for e in one.get("env", []) if e["name"] != ADDRESS]
                one["env"] = [*others, address]
        return made


def _server(target: Target, name: Literal["A", "B"], pod: str) -> PairServer:
    kube, names = target.need_kube(), target.names
    address = kube.get("pod", pod)["status"]["podIP"]
    api = target.api(target.pair_url(name, names.mlflow.url(address)))
    version = api.request("GET", "/version").text.strip()
    return PairServer(
        name, version, api, PodPython(kube, kube.namespace, pod, names.mlflow.container)
    )


@contextmanager
def client_of(target: Target, image: str, waiter: Waiter) -> Iterator[PodPython]:
    """A pod of some image of MLflow in the runner's namespace, from which servers are reached.

    Raises:
        KubeFailed, TimedOut: it could not be made, or did not become ready.
    """
    kube, namespace = target.need_kube(), target.names.runner.namespace
    name = "client-" + image.rpartition(":")[2].replace(".", "-")
    pod = restricted_pod(
        name, namespace, image, labels={"app.kubernetes.io/name": "client"},
        command=["sleep", "infinity"],
    )  # fmt: skip
    with present(kube, pod, waiter):
        wait_pod_ready(kube, namespace, name, waiter)
        yield PodPython(kube, namespace, name)
