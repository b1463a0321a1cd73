# SPDX-License-Identifier: Apache-2.0
"""What a person needs to see after a fail or an unknown, collected at that moment."""

from pathlib import Path

from mlflow_conformance.cluster.kube import Kube, KubectlFailed
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import CheckFinished
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.target.base import Target

_EACH_S = 15
_MAX_BYTES = 400_000
_KINDS = (
    "pods", "deployments", "statefulsets", "jobs", "services", "endpointslices", "hpa", "pdb",
    "networkpolicies", "ingresses", "pvc",
)  # fmt: skip


def added(record: CheckFinished, target: Target, run: Run) -> CheckFinished:
    """The record of a check with what was collected about it.

    Raises:
        Unusable: the disk is full; the record is in the log without the diagnostics.
    """
    try:
        name = collect(target, run.folder.path, record.id, run.log)
    except OSError as problem:
        run.log.append(record)
        raise Unusable(
            f"The diagnostics of {record.id} cannot be written: {problem.strerror}",
            remedy="Free space on that disk and run again; what was written is kept",
        ) from problem
    return record.model_copy(update={"diagnostics": name})


def collect(target: Target, folder: Path, check_id: str, log: EvidenceLog) -> str | None:
    """Write the bundle of one check; returns its folder relative to `folder`, None without cluster.

    A part that cannot be had is replaced by the reason, so that a cluster in trouble still gives
    what it can. Secrets that the log knows are concealed here too; Secret objects are never read.
    """
    if target.kube is None:
        return None
    relative = f"diagnostics/{check_id}"
    bundle = folder / relative
    bundle.mkdir(parents=True, exist_ok=True)
    for name, arguments in _parts(target.kube, target).items():
        try:
            text = target.kube.run(*arguments, timeout_s=_EACH_S)
        except KubectlFailed as problem:
            text = f"not to be had: {problem}\n"
        (bundle / name).write_text(log.concealed(text)[-_MAX_BYTES:], encoding="utf-8")
    return relative


def _parts(kube: Kube, target: Target) -> dict[str, tuple[str, ...]]:
    selector = ",".join(f"{k}={v}" for k, v in target.names.mlflow.selector.items())
    parts: dict[str, tuple[str, ...]] = {
        "overview.txt": (
            "get", ",".join(_KINDS), "-o", "wide",
        ),
        "events.txt": ("get", "events", "--sort-by=.lastTimestamp"),
        "nodes.txt": ("get", "nodes", "-o", "wide"),
        "pods.txt": ("describe", "pods"),
        "hpa-pdb.yaml": ("get", "hpa,pdb", "-o", "yaml"),
        "network-policies.yaml": ("get", "networkpolicies", "-o", "yaml"),
        "mlflow.log": (
            "logs", "--selector", selector, "--all-containers", "--prefix", "--tail=500",
        ),
    }  # fmt: skip
    for pod in _restarted(kube):
        parts[f"{pod}-previous.log"] = ("logs", pod, "--previous", "--tail=500")
    return parts


def _restarted(kube: Kube) -> list[str]:
    """Pods in which a container was restarted; none when the cluster does not say."""
    restarted = "?(@.status.containerStatuses[0].restartCount>0)"
    template = f'{{range .items[{restarted}]}}{{.metadata.name}}{{"\\n"}}{{end}}'
    try:
        return kube.run("get", "pods", "-o", f"jsonpath={template}", timeout_s=_EACH_S).split()
    except KubectlFailed:
        return []  # overview.txt of the same bundle holds the reason
