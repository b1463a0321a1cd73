# SPDX-License-Identifier: Apache-2.0
"""Removal for good of what MLflow's API only marks as deleted, as people do it: `mlflow gc`.

`mlflow gc` takes a list that is left out, or empty, for *everything*: with `--experiment-ids` alone
it also removes every deleted run and every deleted model that anybody has on that server. So it is
always called with all three lists, and is not called at all when it could not be.
"""

import re
import secrets
from collections.abc import Iterator
from typing import Any

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.templates import containers, pod_of
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.doors.account import account
from mlflow_conformance.doors.mlflow import MlflowApi, answer

_TIMEOUT_S = 540  # a thousand runs take half a minute, and minutes on a busy machine
# The server's own address of the database, password included, does not leave its pod; the account
# comes by standard input, for arguments are seen by others. `mlflow server` hands the address to
# its workers in a variable, whether it has it from its command line or its environment.
_COMMAND = (
    'while IFS= read -r setting; do export "$setting"; done; '
    "uri=$(cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' "
    "| sed -n 's/^_MLFLOW_SERVER_FILE_STORE=//p' | head -n 1); "
    'exec mlflow gc --backend-store-uri "${uri:-$MLFLOW_BACKEND_STORE_URI}" --tracking-uri "$0" '
    '--experiment-ids "$1" --run-ids "$2" --logged-model-ids "$3"'
)
_COLLECTS = re.compile(r"\bmlflow\s+gc\b")
_AFTER_A_WHILE = re.compile(r"--older-than[=\s]\S*[1-9]")


def collected_at_once(kube: Kube) -> Iterator[str]:
    """CronJobs that run `mlflow gc` and leave no time in which a deletion could be taken back.

    Raises:
        KubeFailed: they cannot be read.
    """
    for job in kube.items("cronjob"):
        lines = [
            " ".join([*(one.get("command") or []), *(one.get("args") or [])])
            for one in containers(pod_of(job))
        ]
        if not job["spec"].get("suspend") and any(
            _COLLECTS.search(line) and not _AFTER_A_WHILE.search(line) for line in lines
        ):
            yield job["metadata"]["name"]


def collect(
    experiments: list[str], front: MlflowApi, kube: Kube, names: MlflowNames, label: str
) -> None:
    """Remove deleted experiments for good, with all that is in them; empties the list.

    Args:
        experiments: IDs of experiments that are marked as deleted, and ours.
        label: what a name of ours begins with.

    Raises:
        KubeFailed: no pod of MLflow is ready, or the command failed.
        ApiError, NoReply: MLflow did not make what each list needs to have one entry.
    """
    if not experiments:
        return
    ready = kube.ready_pods(names.selector, container=names.container)
    if not ready:
        raise KubeFailed("no pod of MLflow is ready to run mlflow gc")
    experiment, run, model = _first_of_each_list(front, label)
    experiments.append(experiment)
    pod = ready[0]
    # By its address, as replicas are asked one by one: whether MLflow admits `localhost` as a host
    # is nothing that a deployment has to care for.
    kube.exec(
        pod.name,
        "sh", "-c", _COMMAND, names.url(pod.ip or "localhost"),
        ",".join(sorted(set(experiments), key=int)), run, model,
        container=names.container,
        timeout_s=_TIMEOUT_S,
        stdin=_settings(front, names).encode(),
    )  # fmt: skip
    experiments.clear()


def _settings(front: MlflowApi, names: MlflowNames) -> str:
    """Variables of the command's environment, a line each."""
    variables = account(front.headers)
    if names.scheme == "https":
        # It asks the server in its own pod, by an address that no certificate has.
        variables["MLFLOW_TRACKING_INSECURE_TLS"] = "true"
    return "".join(f"{name}={value}\n" for name, value in variables.items())


def _first_of_each_list(front: MlflowApi, label: str) -> tuple[str, str, str]:
    """A deleted experiment with a run and a model in it, made for no other purpose."""

    def call(path: str, **fields: str) -> dict[str, Any]:
        return answer(path, front.post(path, **fields))

    made = call("experiments/create", name=f"{label}-gc-{secrets.token_hex(4)}")
    experiment: str = made["experiment_id"]
    run = call("runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    logged = call("logged-models", experiment_id=experiment, name="gc")["model"]["info"]
    path = f"/api/2.0/mlflow/logged-models/{logged['model_id']}"
    answer("logged-models", front.request("DELETE", path))
    call("experiments/delete", experiment_id=experiment)
    return experiment, run, logged["model_id"]
