# SPDX-License-Identifier: Apache-2.0
"""A program of a guide, run once in a pod beside the deployment, as users of MLflow run theirs.

Only on a cluster that was made here.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.container_statuses import statuses, waiting
from mlflow_conformance.cluster.pods import ENDED
from mlflow_conformance.config.beside_names import ProgramNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.stand import images
from mlflow_conformance.stand.client import SECRET, client_of, secret_of
from mlflow_conformance.stand.temporary import make, need_free, parts_of
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.own_image import own_image

_FOLDER = "deployment/kind/program"
_NAMESPACE, _IN_NAMESPACE = "namespace.yaml", "program.yaml"
_WHEELS, _POD = "program", "program"


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code; None of one that went on when the time for it was over.
        printed: what it wrote, to both of its streams.
    """

    code: int | None
    printed: str


@contextmanager
def ran(
    target: Target,
    names: ProgramNames,
    check_id: str,
    waiter: Waiter,
    *,
    program: str,
    line: str,
    variables: Mapping[str, str],
) -> Iterator[Ended]:
    """Run it to its end, and remove what was made for it on the way out.

    Args:
        names: where it runs, and the labels of its pod.
        check_id: the check that wants it, for people.
        program: its text, in Python.
        line: of a shell, by which it is started; ``$PROGRAM`` is its file.
        variables: what program and line leave open, besides where MLflow is.

    Raises:
        Unusable: the namespace exists already, MLflow has a certificate, its workload or container
            is not there, or a package cannot be had.
        Undecided: its pod did not start.
        KubeFailed, TimedOut: it could not be installed or removed.
    """
    kube = target.need_kube()
    need_free(kube, names.namespace, "a program would be run", "names.program.namespace")
    client = client_of(target, check_id)
    words: dict[str, Any] = {
        "programs": names.namespace,
        "program labels": dict(names.labels),
        "image": own_image(kube, target.names),
        "program": program,
        "line": line,
        "wheels": {
            wheel.name: base64.b64encode(wheel.read_bytes()).decode()
            for wheel in images.wheels(_WHEELS, lambda _: None)
        },
    }
    folder, there = target.root / _FOLDER, kube.within(names.namespace)
    with ExitStack() as made:
        make(made, kube, parts_of(folder / _NAMESPACE, words), waiter, timeout="namespace gone")
        there.apply([secret_of(SECRET, {**client, **variables})])
        there.apply(parts_of(folder / _IN_NAMESPACE, words))
        pod = waiter.last_seen(
            "ended: the program",
            lambda: there.get("pod", _POD),
            done=lambda seen: (seen.get("status") or {}).get("phase") in ENDED,
            timeout="program ended",
            interval_s=1,
        )
        yield Ended(exit_code(pod), there.log(_POD))


def exit_code(pod: Mapping[str, Any]) -> int | None:
    """The exit code of a pod's one container; None while it runs.

    Raises:
        Undecided: it has not begun.
    """
    begun = [seen for seen in statuses(pod, init=False) if not waiting(seen)]
    if not begun:
        waits = [waiting(seen) for seen in statuses(pod) if waiting(seen)]
        why = waits[0] if waits else pod.get("status") or {}
        said = ": ".join(filter(None, (why.get("reason"), why.get("message"))))
        raise Undecided(f"the program's pod did not start ({said or 'its node has not seen it'})")
    ended = (begun[0].get("state") or {}).get("terminated")
    return None if ended is None else int(ended["exitCode"])
