# SPDX-License-Identifier: Apache-2.0
"""The runner pod: this program's place inside the cluster.

It lives in a namespace of its own, which the deployment's network policies authorize, and on the
control plane where possible, so that faults on workers leave it alone. The package is sent into it
when it starts, so that a change of code never means another image. One run uses it at a time: its
agent holds a lock in it for as long as it lives, and whoever finds the lock taken stays away.
"""

from typing import Any

from mlflow_conformance.cluster.container_statuses import statuses, waiting
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Hopeless, TimedOut, Waiter
from mlflow_conformance.doors.inside import AgentInside, InsideFailed
from mlflow_conformance.target.own_namespaces import (
    copied_secrets,
    is_prepared,
    make_namespaces,
)
from mlflow_conformance.target.own_pods import (
    ACCOUNT,
    HOME,
    OWNER,
    OWNER_LABEL,
    RUNNER,
    measuring_pod,
    send_package,
    wait_pod_ready,
)
from mlflow_conformance.target.under_way import (
    LOCK,
    STARTED,
    RunMark,
    RunnerState,
    runner_state,
)

_EXISTS = "AlreadyExists"
_OWN = {OWNER_LABEL: OWNER}


class Runner:
    """The runner of one run."""

    def __init__(self, kube: Kube, names: Names, waiter: Waiter, run_id: str) -> None:
        """Know where it is to be; makes nothing yet.

        Args:
            names: with the runner's image (see `mlflow_conformance.target.own_image`).
        """
        self._mark = RunMark(run_id, names.runner.namespace)
        self._kube, self._names, self._waiter = kube, names.runner, waiter
        self._of_others = False

    def start(self) -> AgentInside:
        """Make the pod, send the package into it, and open the inside door.

        Raises:
            Unusable: another run uses it, the pod does not start, or its agent does not answer.
        """
        kube, space = self._kube, self._names.namespace
        self._refuse_foreign_namespace()
        self._wait_while_leaving()
        self._refuse_other_run()
        try:
            make_namespaces(kube, {space: self._names.labels}, self._waiter)
            # A pod of an earlier version cannot be changed into this one.
            removed(kube, "pod", RUNNER, self._waiter, namespace=space)
            kube.apply(self._beside())
            labels = {"app.kubernetes.io/name": RUNNER, **self._mark.labels}
            kube.create(measuring_pod(RUNNER, self._names, labels=labels))
            wait_pod_ready(kube, space, RUNNER, self._waiter)
            send_package(kube, space, RUNNER)
        except (KubeFailed, TimedOut, Hopeless) as problem:
            if isinstance(problem, KubeFailed) and problem.reason == _EXISTS:
                raise self._taken() from problem  # since it was looked for
            raise self._unfit(problem) from problem
        inside = AgentInside(
            kube.argv(
                "exec", "-i", RUNNER, f"--container={RUNNER}", "--",
                "env", f"PYTHONPATH={HOME}", "python", "-m", "mlflow_conformance.run.agent", LOCK,
                namespace=space,
            )
        )  # fmt: skip
        try:
            inside.call("ping", patience_s=self._waiter.seconds("pod ready"))
            kube.patch(
                "pod", RUNNER, {"metadata": {"annotations": {STARTED: "true"}}}, namespace=space
            )
        except (InsideFailed, KubeFailed) as problem:
            inside.close()
            raise Unusable(
                f"The agent in the runner pod does not answer: {problem}",
                remedy="Name an image with Python 3.11 and MLflow, or this suite's own, under "
                "`names.runner.image` in the profile",
            ) from problem
        return inside

    def end(self) -> None:
        """Delete its namespace, if this program made it and no other run uses it.

        Of one that is prepared, what this program made in it.

        Raises:
            Unusable: the API server refused.
        """
        space = self._names.namespace
        try:
            if self._of_others or self._owner() != OWNER:
                return
            if is_prepared(self._kube.find("namespace", space)):
                for kind in ("pod", "secret", "serviceaccount"):
                    for item in self._kube.items(kind, labels=_OWN, namespace=space):
                        name = item["metadata"]["name"]
                        self._kube.delete(kind, name, namespace=space, missing_ok=True)
            else:
                self._kube.delete("namespace", space, missing_ok=True)
        except KubeFailed as problem:
            raise Unusable(
                f"The namespace {space} of the runner could not be removed: {problem}",
                remedy=f"Delete it: kubectl delete namespace {space}",
            ) from problem

    def _beside(self) -> list[dict[str, Any]]:
        """What the pod needs in its namespace: Secrets to pull its image by, and an account.

        Raises:
            KubeFailed: a Secret cannot be read.
        """
        meta = {"namespace": self._names.namespace, "labels": _OWN}
        pod = self._names.pod
        same = {name: name for name in pod.pull_secrets}
        beside = copied_secrets(self._kube, same, self._names.namespace)
        if pod.service_account_annotations:
            beside.append(
                {
                    "apiVersion": "v1",
                    "kind": "ServiceAccount",
                    "metadata": {
                        **meta,
                        "name": ACCOUNT,
                        "annotations": dict(pod.service_account_annotations),
                    },
                    "automountServiceAccountToken": False,
                }
            )
        return beside

    def _owner(self) -> str | None:
        """Who made the namespace; "" when nobody says, None when it does not exist."""
        found = self._kube.find("namespace", self._names.namespace)
        if found is None:
            return None
        owner: str = (found["metadata"].get("labels") or {}).get(OWNER_LABEL, "")
        return owner

    def _refuse_foreign_namespace(self) -> None:
        try:
            owner = self._owner()
        except KubeFailed as problem:
            raise Unusable(
                f"The cluster of context {self._kube.context!r} cannot be used: {problem}",
                remedy="Check that the cluster is up and that you may read and create namespaces",
            ) from problem
        if owner not in (None, OWNER):
            raise Unusable(
                f"The namespace {self._names.namespace} exists and was not made by this program",
                remedy="Name another one under `names.runner.namespace` in the profile",
            )

    def _wait_while_leaving(self) -> None:
        """Let a namespace that the run before this one deleted go first: it takes no new pods."""
        space = self._names.namespace

        def leaving() -> bool:
            found = self._kube.find("namespace", space)
            return found is not None and "deletionTimestamp" in found["metadata"]

        try:
            self._waiter.until(
                f"gone: the namespace {space} of an earlier run",
                leaving,
                done=lambda still: not still,
                timeout="namespace gone",
            )
        except (KubeFailed, TimedOut) as problem:
            raise Unusable(
                f"The namespace {space} of an earlier run does not go away: {problem}",
                remedy=f"See what keeps it with `kubectl describe namespace {space}`",
            ) from problem

    def _refuse_other_run(self) -> None:
        """Stay away from a runner that has an agent, or is about to get one.

        A pod that was never started belongs to a run that is starting it, or was killed then.
        """
        try:
            state = self._waiter.until(
                "started or gone: the runner of another run",
                self._state,
                done=lambda seen: seen != "starting",
                timeout="pod ready",
            )
        except TimedOut:
            return  # nobody starts it any more
        except KubeFailed as problem:
            raise Unusable(
                f"The namespace {self._names.namespace} cannot be read: {problem}",
                remedy="Use a context that may work with pods in namespaces that it makes",
            ) from problem
        if state == "used":
            raise self._taken()

    def _state(self) -> RunnerState:
        return runner_state(self._kube, self._names.namespace) if self._owner() else "absent"

    def _taken(self) -> Unusable:
        self._of_others = True
        return Unusable(
            f"Another run uses the runner in the namespace {self._names.namespace}",
            remedy="Wait until it has ended, or name another namespace for this one under "
            "`names.runner.namespace` in the profile",
        )

    def _unfit(self, problem: Exception) -> Unusable:
        """Why the pod did not start, in the words of who refused it."""
        space, image = self._names.namespace, self._names.image
        if isinstance(problem, KubeFailed) and problem.status is not None:
            return Unusable(
                f"The API server refused the runner pod of namespace {space}",
                remedy=f"It says: {problem}. Set what it asks for under `names.runner.pod` in the "
                "profile",
            )
        if isinstance(problem, KubeFailed):
            return Unusable(
                f"The runner pod in namespace {space} cannot be used: {problem}",
                remedy=f"Its image is {image}; name another one under `names.runner.image`",
            )
        if isinstance(problem, Hopeless):
            return Unusable(
                f"The runner pod did not start in namespace {space}: {problem}",
                remedy=f"Check that its image {image} can be pulled there; `names.runner` in the "
                "profile has `image` and `pod.pull_secrets`",
            )
        return Unusable(
            f"The runner pod did not start in namespace {space}: {self._pending() or problem}",
            remedy="Set a node selector, tolerations, resources or a security context that fit, "
            "under `names.runner.pod` in the profile",
        )

    def _pending(self) -> str:
        """What the cluster says of a pod that waits; empty when nothing."""
        try:
            found = self._kube.find("pod", RUNNER, namespace=self._names.namespace) or {}
        except KubeFailed:
            return ""
        status = found.get("status") or {}
        said = [str(c["message"]) for c in status.get("conditions") or [] if c.get("message")]
        for why in map(waiting, statuses(found, init=False)):
            said += [f"{why['reason']}: {why.get('message', '')}"] if why else []
        return "; ".join(dict.fromkeys(said))
