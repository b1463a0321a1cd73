# SPDX-License-Identifier: Apache-2.0
"""What a cluster says of a candidate before it is tried: refused, absent, or no change at all."""

from typing import Any

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kept import comparable, look
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.evidence.model import Fate
from mlflow_conformance.mutants.candidates.candidate import Candidate

_REFUSALS = (400, 403, 409, 422)
"""Bad, forbidden by admission, at odds with what is there, invalid."""


def foreseen(kube: Kube, candidate: Candidate) -> tuple[Fate, str]:
    """What becomes of a candidate, and why, by a dry run on the deployment as it is.

    Raises:
        KubeFailed: the API server did not answer, or failed itself.
    """
    if candidate.refused:
        return "refused", candidate.refused
    change = candidate.breakage.by.objects[0]
    before = look(kube, change.kind, change.name, change.namespace or kube.namespace)
    if before is None:
        return "absent", f"there is no {change.kind} {change.name} in the cluster"
    if change.action == "delete":
        return "tried", ""
    return _judged(kube, change, before)


def _judged(kube: Kube, change: ObjectChange, before: dict[str, Any]) -> tuple[Fate, str]:
    """What the API server says to a patch of an object that is there."""
    removed = [str(step["path"]) for step in change.json_patch if step["op"] == "remove"]
    if any(not _is_in(before, path) for path in removed):
        return "same", "Kubernetes does not keep what is removed, for it is the default"
    try:
        after = _asked(kube, change)
    except KubeFailed as problem:
        if problem.status not in _REFUSALS:
            raise
        return "refused", str(problem)
    if comparable(after) == comparable(before):
        return "same", "Kubernetes makes the same object of it"
    return "tried", ""


def _asked(kube: Kube, change: ObjectChange) -> dict[str, Any]:
    return kube.patch(
        change.kind,
        change.name,
        change.json_patch if change.patch_type == "json" else change.patch,
        how=change.patch_type,
        namespace=change.namespace,
        dry_run=True,
    )


def _is_in(value: Any, pointer: str) -> bool:
    """Whether a JSON pointer leads to something."""
    for word in pointer.split("/")[1:]:
        key: Any = word.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(key) if isinstance(value, list) else key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
