# SPDX-License-Identifier: Apache-2.0
"""Runs Locust in pods of the cluster: a master and workers, as for load that outgrows one machine.

The pods are of the runner's image and live in the runner's namespace, which the deployment's
network policies authorize. Locust runs on in them when the way to the cluster's API breaks, and
the records are fetched from the master, which the workers send them to.
"""

import base64
import io
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import RunnerNames
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.load.engine import (
    FOLDER_VARIABLE,
    PLAN_VARIABLE,
    Load,
    Role,
    arguments,
)
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.target.own_pods import (
    HOME,
    RUNNER,
    measuring_pod,
    send_package,
    wait_pod_ready,
)

_MASTER = "load-master"
# Of this program's own, since a profile may give these pods labels that network policies ask for.
_LABELS = {"mlflow-conformance/role": "load"}
_PORT = 5557
_PLAN, _RECORDS, _SCRIPT, _LEADER = "plan.json", "records", "load.sh", "load.pid"
_ENDED = f"{HOME}/ended"
_AUTHORITY = "ca.crt"
_LOCUSTFILE = Path(HOME) / "mlflow_conformance" / "load" / "locustfile.py"
_FETCH = (
    "import base64,io,sys,tarfile;"
    "data=io.BytesIO();"
    "archive=tarfile.open(fileobj=data,mode='w');"
    f"archive.add('{HOME}/{_RECORDS}','.');"
    "archive.close();"
    "sys.stdout.write(base64.b64encode(data.getvalue()).decode())"
)


@dataclass(frozen=True)
class PodLoad(Load):
    """Load from pods; its records are on one of them, the master, until they are fetched."""

    kube: Kube
    namespace: str
    pod: str

    def goes_on(self) -> bool:
        """See `Load.goes_on`."""
        said = self._in_pod("sh", "-c", f"[ -e {_ENDED} ] && echo ended || echo on")
        return said.strip() == "on"

    def wait_end(self, limit_s: float) -> None:
        """See `Load.wait_end`; the pods end with the context that made them."""
        waiting = f"timeout {limit_s:.0f} sh -c 'until [ -e {_ENDED} ]; do sleep 0.2; done'"
        # What is not finished leaves a record without an end, which says so.
        self._in_pod("sh", "-c", f"{waiting} || true", timeout_s=limit_s + 30)

    def collect(self) -> None:
        """See `Load.collect`."""
        data = base64.b64decode(self._in_pod("python", "-c", _FETCH))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                if (content := archive.extractfile(member)) is not None:
                    (self.folder / Path(member.name).name).write_bytes(content.read())

    def _in_pod(self, *command: str, timeout_s: float = 60) -> str:
        return self.kube.exec(self.pod, *command, namespace=self.namespace, timeout_s=timeout_s)


@contextmanager
def running_in_pods(
    plan: LoadPlan, folder: Path, kube: Kube, names: RunnerNames, waiter: Waiter
) -> Iterator[PodLoad]:
    """Start the load from pods, and remove them on the way out.

    Args:
        folder: gets the records and locust.log; it must exist.

    Raises:
        KubeFailed: the API server refused, or a pod does not take what is sent to it.
        TimedOut: a pod was not ready in time.
        Hopeless: the image cannot be had.
    """
    kept = {} if plan.ca_file is None else {_AUTHORITY: Path(plan.ca_file).read_bytes()}
    there = plan.model_copy(update={"ca_file": f"{HOME}/{_AUTHORITY}" if kept else None})
    workers = [f"load-worker-{number}" for number in range(plan.workers)]
    _remove(kube, names.namespace, waiter)
    try:
        pods = [measuring_pod(name, names, labels=_LABELS) for name in (_MASTER, *workers)]
        kube.apply(pods, namespace=names.namespace)
        for name in (_MASTER, *workers):
            wait_pod_ready(kube, names.namespace, name, waiter)
        master_ip = str(kube.get("pod", _MASTER, namespace=names.namespace)["status"]["podIP"])

        def begin(name: str) -> None:
            role: Role = "master" if name == _MASTER else "worker"
            host = "0.0.0.0" if role == "master" else master_ip  # noqa: S104 - in its own pod
            locust = arguments(role, plan.workers, host, _PORT, _LOCUSTFILE)
            send_package(
                kube,
                names.namespace,
                name,
                {
                    **kept,
                    _PLAN: there.model_dump_json().encode(),
                    f"{_RECORDS}/locust.log": b"",
                    _SCRIPT: _script(locust).encode(),
                },
            )
            # In a session of its own, so that it outlives the connection that starts it.
            kube.exec(
                name, "sh", "-c",
                f"setsid sh {HOME}/{_SCRIPT} >{HOME}/{_RECORDS}/locust.log 2>&1 </dev/null &",
                namespace=names.namespace,
            )  # fmt: skip

        with ThreadPoolExecutor(len(pods)) as pool:
            list(pool.map(begin, (_MASTER, *workers)))
        yield PodLoad(plan, folder.resolve(), kube, names.namespace, _MASTER)
    finally:
        _remove(kube, names.namespace, waiter)


@contextmanager
def running_in_runner(
    plan: LoadPlan, folder: Path, *, kube: Kube, names: RunnerNames
) -> Iterator[PodLoad]:
    """Start the load from the runner, and end it on the way out.

    It costs no pod, and reaches what listens in the runner alone, such as a mutant's proxy. The
    plan is one that a single process can send.

    Args:
        folder: gets the records and locust.log; it must exist.

    Raises:
        KubeFailed: the runner does not take what is sent to it.
    """
    load = PodLoad(plan, folder.resolve(), kube, names.namespace, RUNNER)
    files = {_PLAN: plan.model_dump_json().encode(), _SCRIPT: _script(_alone(plan)).encode()}
    kube.exec(
        RUNNER, "sh", "-c",
        f"cd {HOME} && rm -rf {_RECORDS} {_ENDED} && mkdir {_RECORDS}", namespace=names.namespace,
    )  # fmt: skip
    send_package(kube, names.namespace, RUNNER, files)
    try:
        kube.exec(
            RUNNER, "sh", "-c",
            f"cd {HOME}; setsid sh {_SCRIPT} >{_RECORDS}/locust.log 2>&1 </dev/null &"
            f" echo $! >{_LEADER}",
            namespace=names.namespace,
        )  # fmt: skip
        yield load
    finally:
        kube.exec(
            RUNNER, "sh", "-c",
            f"[ -e {_ENDED} ] || kill -- -$(cat {HOME}/{_LEADER}); rm -f {HOME}/{_PLAN}",
            namespace=names.namespace,
        )  # fmt: skip


def _alone(plan: LoadPlan) -> list[str]:
    return arguments("alone", plan.workers, "", _PORT, _LOCUSTFILE)


def _script(locust: Sequence[str]) -> str:
    words = " ".join(f"'{word}'" for word in locust)
    return (
        f"export PYTHONPATH={HOME} {PLAN_VARIABLE}={HOME}/{_PLAN}"
        f" {FOLDER_VARIABLE}={HOME}/{_RECORDS}\n"
        f"cd {HOME}\n"
        f"python -m locust {words}\n"
        f"touch {_ENDED}\n"
    )


def _remove(kube: Kube, namespace: str, waiter: Waiter) -> None:
    for pod in kube.pods(_LABELS, namespace=namespace):
        kube.delete("pod", pod.name, namespace=namespace, missing_ok=True)
    waiter.until(
        "gone: the pods that sent load",
        lambda: [p.name for p in kube.pods(_LABELS, namespace=namespace)],
        done=lambda left: not left,
        timeout="object deleted",
    )
