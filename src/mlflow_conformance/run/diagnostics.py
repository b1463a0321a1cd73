# SPDX-License-Identifier: Apache-2.0
"""What a person needs to see after a fail or an unknown, collected at that moment."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import yaml

from mlflow_conformance.cluster.concealed import shown
from mlflow_conformance.cluster.container_statuses import statuses
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.tables import aligned, table
from mlflow_conformance.cluster.templates import containers
from mlflow_conformance.core.credentials import Hiding
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import CheckFinished
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.concealing import keep_out

_EACH_S = 15
_MAX_BYTES = 400_000
_LINES = 500
_SCALING = ("horizontalpodautoscaler", "poddisruptionbudget")
_KINDS = (
    "pod",
    "deployment",
    "statefulset",
    "job",
    "service",
    "endpointslice",
    *_SCALING,
    "networkpolicy",
    "ingress",
    "persistentvolumeclaim",
)


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
    what it can. Of every object and log the credentials are left out: those that the log knows,
    those that the namespace holds now, and whatever else is called or looks like one.
    """
    if target.kube is None:
        return None
    unread = keep_out(target.kube, target.names, log)
    relative = f"diagnostics/{check_id}"
    bundle = folder / relative
    bundle.mkdir(parents=True, exist_ok=True)
    for name, part in _parts(target.kube, target).items():
        text = "".join(_to_be_had(each) for each in part)
        (bundle / name).write_text(log.concealed(text)[-_MAX_BYTES:], encoding="utf-8")
    if unread:
        why = "Not read, so that credentials in it are hidden by their names alone:"
        (bundle / "hidden.txt").write_text("\n".join([why, *unread, ""]), encoding="utf-8")
    return relative


def _to_be_had(part: Callable[[], str]) -> str:
    try:
        return part()
    except KubeFailed as problem:
        return f"not to be had: {problem}\n"


def _parts(kube: Kube, target: Target) -> dict[str, list[Callable[[], str]]]:
    """What each file is made of."""
    parts: dict[str, list[Callable[[], str]]] = {
        "overview.txt": [partial(_titled, kube, kind) for kind in _KINDS],
        "events.txt": [partial(_events, kube)],
        "nodes.txt": [partial(table, kube, "node", timeout_s=_EACH_S)],
        "pods.yaml": [partial(_documents, kube, "pod")],
        "hpa-pdb.yaml": [partial(_documents, kube, kind) for kind in _SCALING],
        "network-policies.yaml": [partial(_documents, kube, "networkpolicy")],
    }
    try:
        pods = kube.pods({})
    except KubeFailed:
        return parts  # overview.txt of the same bundle holds the reason
    served = target.names.mlflow.selector.items()
    parts["mlflow.log"] = [
        partial(_log, kube, pod.name, container["name"])
        for pod in pods
        if served <= pod.labels.items()
        for container in containers(pod.raw["spec"])
    ]
    for pod in pods:
        for status in statuses(pod.raw, init=False):
            if status["restartCount"]:
                name = f"{pod.name}-{status['name']}-previous.log"
                parts[name] = [partial(_log, kube, pod.name, status["name"], previous=True)]
    return parts


def _titled(kube: Kube, kind: str) -> str:
    return f"# {kind}\n{table(kube, kind, timeout_s=_EACH_S)}\n"


def _events(kube: Kube) -> str:
    rows = [
        [
            str(event.get("lastTimestamp") or event.get("eventTime")),
            str(event.get("type", "")),
            str(event.get("reason", "")),
            "{kind}/{name}".format_map({"kind": "", "name": "", **event["involvedObject"]}),
            " ".join(str(event.get("message", "")).split()),
        ]
        for event in kube.items("event", timeout_s=_EACH_S)
    ]
    said = aligned([["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"], *sorted(rows)])
    return Hiding().said(said)


def _documents(kube: Kube, kind: str) -> str:
    found = kube.items(kind, timeout_s=_EACH_S)
    safe = (shown(item, Hiding()) for item in found)
    return "".join(f"---\n{yaml.safe_dump(item, sort_keys=False)}" for item in safe)


def _log(kube: Kube, pod: str, container: str, *, previous: bool = False) -> str:
    said = kube.log(pod, container, lines=_LINES, previous=previous, timeout_s=_EACH_S)
    lines = Hiding().said(said).splitlines()
    return "".join(f"[{pod}/{container}] {line}\n" for line in lines)
