# SPDX-License-Identifier: Apache-2.0
"""Objects of a cluster as they were, and made so again, with the owners of their fields."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from mlflow_conformance.cluster import workloads
from mlflow_conformance.cluster.failures import Conflict, KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import NotNow, Unusable
from mlflow_conformance.core.waits import TimedOut, Waiter

_SERVER_SIDE = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
_REVISION = "deployment.kubernetes.io/revision"
_CONTROLLER_ANNOTATIONS = (_REVISION,)
NO_ANSWER = (KubeFailed, OSError)
"""How a cluster fails to answer; what was broken on purpose is then put back a moment later."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Kept:
    """One object by its address, and how it was; `before` is None when it did not exist."""

    kind: str
    name: str
    namespace: str
    before: dict[str, Any] | None

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def is_workload(self) -> bool:
        """Whether a change takes effect through new pods."""
        return self.kind.lower().split(".")[0] in workloads.KINDS


def keep(kube: Kube, kind: str, name: str) -> dict[str, Any]:
    """An object of the namespace as it is now, for `put_back`.

    Raises:
        Unusable: there is none of that name.
    """
    found = look(kube, kind, name, kube.namespace)
    if found is None:
        raise Unusable(
            f"There is no {kind} {kube.namespace}/{name}", remedy="Check the names in the profile"
        )
    return found


def put_back(kube: Kube, kept: dict[str, Any], waiter: Waiter) -> bool:
    """Make an object again what `keep` saw, with the owners of its fields.

    Returns whether there was anything to do.

    Raises:
        KubeFailed: the API server refused.
        TimedOut: it is not as it was.
    """
    meta = kept["metadata"]
    now = look(kube, kept["kind"], meta["name"], meta["namespace"])
    if now is not None and comparable(now) == comparable(kept):
        return False
    _restore(kube, Kept(kept["kind"], meta["name"], meta["namespace"], kept), waiter)
    return True


def insisted(what: str, act: Callable[[], _T], waiter: Waiter) -> _T:
    """Put something back; again for a while when the cluster refuses or does not answer.

    What was broken on purpose must not stay so because of one lost connection. Nothing that a
    check judges is repeated. An act whose answer was lost may have been done: it must come to the
    same when it is done twice.

    Raises:
        Exception: the last problem, when the time is over; at once what no repetition mends.
    """
    done: list[_T] = []
    problems: list[Exception] = []

    def attempt() -> bool:
        problems.clear()
        try:
            done.append(act())
        except (*NO_ANSWER, NotNow) as problem:
            problems.append(problem)
        return not problems

    try:
        waiter.until(f"put back: {what}", attempt, done=bool, timeout="put back", interval_s=1)
    except TimedOut as late:
        raise (problems or [late])[0] from late
    return done[0]


def comparable(thing: dict[str, Any]) -> dict[str, Any]:
    """An object without what the API server and controllers write into it by themselves."""
    kept = copy.deepcopy(thing)
    kept.pop("status", None)
    meta = kept["metadata"]
    for key in _SERVER_SIDE:
        meta.pop(key, None)
    for key in _CONTROLLER_ANNOTATIONS:
        meta.get("annotations", {}).pop(key, None)
    return kept


def look(kube: Kube, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
    """An object with the owners of its fields; None when there is none.

    Raises:
        KubeFailed: the cluster has no such kind, or did not answer.
    """
    return kube.find(kind, name, namespace=namespace, owners=True)


def restore_all(kube: Kube, objects: Sequence[Kept], waiter: Waiter) -> None:
    """Make all of them again what they were, the last one first.

    Raises:
        Unusable: one could not be put back; all others were.
    """
    failures: list[str] = []
    for thing in reversed(objects):
        try:
            insisted(str(thing), partial(_restore, kube, thing, waiter), waiter)
        except Exception as problem:  # noqa: BLE001 - the others are put back first; raised below
            failures.append(f"{thing}: {problem}")
    for thing in objects:
        if thing.is_workload and thing.before is not None and not failures:
            try:
                workloads.wait_rolled_out(kube, thing.kind, thing.name, thing.namespace, waiter)
                _forget_later(kube, thing.before)
            except (*NO_ANSWER, TimedOut) as problem:
                failures.append(f"{thing}: {problem}")
    if failures:
        raise Unusable(
            f"What was changed on purpose could not be put back: {'; '.join(failures)}",
            remedy="Deploy again, or remove a cluster of ours with `mlflow-conformance down`",
        )


def _forget_later(kube: Kube, before: dict[str, Any]) -> None:
    """Delete what a Deployment's history got since: a rollback would bring the change back."""
    meta = before["metadata"]
    if before["kind"] != "Deployment":
        return
    for item in kube.items("replicaset", namespace=meta["namespace"]):
        of = item["metadata"]
        owned = any(o.get("uid") == meta["uid"] for o in of.get("ownerReferences") or [])
        if owned and item["spec"].get("replicas") == 0 and _revision(of) > _revision(meta):
            kube.delete("replicaset", of["name"], namespace=of["namespace"], missing_ok=True)


def _revision(meta: dict[str, Any]) -> int:
    return int((meta.get("annotations") or {}).get(_REVISION, 0))


def _restore(kube: Kube, thing: Kept, waiter: Waiter) -> None:
    if thing.before is None:
        kube.delete(thing.kind, thing.name, namespace=thing.namespace, missing_ok=True)
        waiter.until(
            f"gone: {thing}",
            lambda: look(kube, thing.kind, thing.name, thing.namespace),
            done=lambda found: found is None,
            timeout="object deleted",
        )
        return
    wanted = comparable(thing.before)
    now = look(kube, thing.kind, thing.name, thing.namespace)
    if now is not None and comparable(now) == wanted and _managers(now) == _managers(thing.before):
        return
    _write(kube, thing, wanted, waiter, new=now is None)
    # Writing moves the ownership of fields to the writer, and a later `helm upgrade` would take
    # that for a conflict; a second write that changes nothing else gives it back.
    owned = copy.deepcopy(wanted)
    owned["metadata"]["managedFields"] = thing.before["metadata"].get("managedFields", [])
    _write(kube, thing, owned, waiter, new=False)
    waiter.until(
        f"as it was: {thing}",
        lambda: look(kube, thing.kind, thing.name, thing.namespace),
        done=lambda found: found is not None and comparable(found) == wanted,
        timeout="api reply",
    )


def _write(kube: Kube, thing: Kept, content: dict[str, Any], waiter: Waiter, *, new: bool) -> None:
    """Write an object; again when a controller wrote its status at the same moment."""

    def written() -> bool:
        try:
            kube.put(content, new=new)
        except Conflict:
            return False
        return True

    waiter.until(f"written: {thing}", written, done=bool, timeout="api reply", interval_s=0.2)


def _managers(thing: dict[str, Any]) -> list[Any]:
    """Who owns which fields, without when."""
    return [
        (m["manager"], m["operation"], m.get("subresource"), m.get("fieldsV1"))
        for m in thing["metadata"].get("managedFields", [])
        if m.get("subresource") != "status"
    ]
