# SPDX-License-Identifier: Apache-2.0
"""Probe pods: made in parallel, asked at once, removed after."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import RunnerNames
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors import attempt
from mlflow_conformance.network_policy.matrix import Destination, Source
from mlflow_conformance.network_policy.spaces import Spaces
from mlflow_conformance.target.own_pods import fitted, restricted_pod
from mlflow_conformance.target.under_way import RunMark, is_under_way

_ROLE_LABEL = "mlflow-conformance/role"
_PROBE = {_ROLE_LABEL: "probe"}
_SCRIPT = Path(attempt.__file__).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Attempt:
    """What one attempt brought; see `mlflow_conformance.doors.attempt`."""

    outcome: str
    elapsed_s: float


@dataclass(frozen=True)
class _ProbePod:
    namespace: str
    name: str


@dataclass
class Probes:
    """The probe pods of one run, made when they are first needed.

    Namespaces and pods bear the run's mark, also in their names: another run on the same cluster
    has its own.

    Attributes:
        runner: its image has Python in its PATH; what the cluster asks of its pod, it asks of
            these. Labels by which the policies let the runner connect are not theirs.
    """

    kube: Kube
    runner: RunnerNames
    waiter: Waiter
    mark: RunMark
    _made: dict[str, _ProbePod] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._spaces = Spaces(
            self.kube, self.waiter, self.mark, {**_PROBE, **self.mark.labels},
            self.runner.pod.pull_secrets,
        )  # fmt: skip

    def ensure(
        self, sources: Mapping[str, Source], *, commands: Mapping[str, list[str]] | None = None
    ) -> None:
        """Make a pod for every source that has none yet, and wait until all are ready.

        Args:
            commands: what the pod of a source runs, where it is not to wait for `attempts`.

        Raises:
            KubeFailed: the API server refused a namespace or a pod.
            TimedOut: a pod was not ready in time.
        """
        new = {name: source for name, source in sources.items() if name not in self._made}
        if not new:
            return
        spaces = self._spaces.make(new)
        pods = []
        for name, source in new.items():
            pod = _ProbePod(spaces[name], f"probe-{name}-{self.mark.short}")
            self._made[name] = pod
            plain = restricted_pod(
                pod.name,
                pod.namespace,
                self.runner.image,
                labels={**_PROBE, **self.mark.labels, **source.pod_labels},
                command=(commands or {}).get(name, ["sleep", "infinity"]),
            )
            pulling = self._spaces.pulling(pod.namespace)
            pods.append(fitted(plain, self.runner.pod, pulling))
        self.kube.apply(pods)
        self.waiter.until(
            f"ready: {len(new)} probe pods",
            lambda: [str(self._made[n]) for n in new if not self._is_ready(n)],
            done=lambda waiting: not waiting,
            timeout="pod ready",
            interval_s=0.3,
        )

    def namespace(self, source: str) -> str:
        """Where a source's pod is."""
        return self._made[source].namespace

    def ip(self, source: str) -> str:
        """The address of a source's pod."""
        found: str = self._seen(source)["status"]["podIP"]
        return found

    def watchers(
        self,
        sources: Mapping[str, Source],
        destinations: Sequence[Destination],
        *,
        attempt_timeout_s: float,
        for_s: float,
    ) -> None:
        """Make pods that try destinations from their very first moment; see `watched`.

        Raises:
            KubeFailed: the API server refused a namespace or a pod.
            TimedOut: a pod was not ready in time.
        """
        wanted = json.dumps(_wanted(destinations, attempt_timeout_s))
        command = ["python", "-c", _SCRIPT, wanted, str(for_s)]
        self.ensure(sources, commands=dict.fromkeys(sources, command))

    def watched(self, source: str) -> list[list[Attempt]]:
        """What a watcher saw so far: one list per round, in the order of its destinations.

        Raises:
            KubeFailed: its log cannot be read.
        """
        lines = self._log(source).splitlines()
        return [[Attempt(**r) for r in json.loads(line)] for line in lines if line != "done"]

    def has_ended(self, source: str) -> bool:
        """Whether a watcher made all its rounds.

        Raises:
            KubeFailed: its log cannot be read.
        """
        return self._log(source, lines=1).strip() == "done"

    def attempts(
        self, wanted: Mapping[str, Sequence[Destination]], timeout_s: float
    ) -> dict[str, list[Attempt]]:
        """Try destinations from several sources at once, in one exec each.

        Raises:
            KubeFailed: a pod could not be asked.
        """

        def ask(name: str) -> list[Attempt]:
            pod = self._made[name]
            return attempts_from(self.kube, pod.namespace, pod.name, None, wanted[name], timeout_s)

        with ThreadPoolExecutor(max(1, len(wanted))) as pool:
            return dict(zip(wanted, pool.map(ask, wanted), strict=True))

    def remove(self) -> None:
        """Delete every pod and namespace that was made; does not wait until they are gone.

        Raises:
            KubeFailed: the API server refused.
        """
        for pod in self._made.values():
            if not self._spaces.is_made(pod.namespace):
                self.kube.delete("pod", pod.name, namespace=pod.namespace, missing_ok=True)
        self._made.clear()
        self._spaces.remove()

    def clear_leftovers(self) -> None:
        """Delete what killed runs left; what a run that is under way made is its own.

        Nobody waits until it is gone: no other run has the same names. What this user may not
        delete was made by another one.

        Raises:
            KubeFailed: the API server does not answer as it must.
        """
        for kind in ("namespace", "pod"):
            for item in self.kube.items(kind, labels=_PROBE, namespace=""):
                meta = item["metadata"]
                if "deletionTimestamp" not in meta and not is_under_way(self.kube, item):
                    self._clear(kind, meta["name"], meta.get("namespace", ""))

    def _clear(self, kind: str, name: str, namespace: str) -> None:
        try:
            self.kube.delete(kind, name, namespace=namespace, missing_ok=True)
        except KubeFailed as problem:
            if problem.status != HTTPStatus.FORBIDDEN:
                raise

    def _is_ready(self, name: str) -> bool:
        return holds(self._seen(name), "Ready")

    def _seen(self, source: str) -> dict[str, Any]:
        pod = self._made[source]
        return self.kube.get("pod", pod.name, namespace=pod.namespace)

    def _log(self, source: str, lines: int | None = None) -> str:
        pod = self._made[source]
        return self.kube.log(pod.name, pod.name, namespace=pod.namespace, lines=lines)


@contextmanager
def probes(kube: Kube, runner: RunnerNames, waiter: Waiter, mark: RunMark) -> Iterator[Probes]:
    """Probe pods for as long as the context lasts; what a killed run left is removed first."""
    made = Probes(kube, runner, waiter, mark)
    made.clear_leftovers()
    try:
        yield made
    finally:
        made.remove()


def attempts_from(
    kube: Kube,
    namespace: str,
    pod: str,
    container: str | None,
    destinations: Sequence[Destination],
    timeout_s: float,
) -> list[Attempt]:
    """Try destinations at once from a container that has Python.

    Raises:
        KubeFailed: the container could not be asked.
    """
    said = kube.exec_json(
        pod,
        "python",
        "-c",
        _SCRIPT,
        namespace=namespace,
        container=container,
        stdin=json.dumps(_wanted(destinations, timeout_s)).encode(),
        timeout_s=2 * timeout_s + 30,
    )
    return [Attempt(**seen) for seen in said]


def _wanted(destinations: Sequence[Destination], timeout_s: float) -> list[dict[str, Any]]:
    return [
        {"host": d.host, "port": d.port, "say": d.say, "timeout_s": timeout_s} for d in destinations
    ]
