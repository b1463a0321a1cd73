# SPDX-License-Identifier: Apache-2.0
"""Objects of a cluster changed for a while and put back exactly as they were."""

import copy
import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, TypeVar

from kubernetes.client.rest import ApiException
from urllib3.exceptions import HTTPError

from mlflow_conformance.clients.kube import Conflict, Kube, KubectlFailed
from mlflow_conformance.errors import Unusable
from mlflow_conformance.faults import workloads
from mlflow_conformance.mutation import ObjectChange, filled, placeholders
from mlflow_conformance.signals import ENDING
from mlflow_conformance.target.base import Target
from mlflow_conformance.waits import Hopeless, TimedOut, Waiter

_SERVER_SIDE = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
_CONTROLLER_ANNOTATIONS = ("deployment.kubernetes.io/revision",)
_NO_ANSWER = (ApiException, HTTPError, KubectlFailed, OSError)
_T = TypeVar("_T")


@dataclass(frozen=True)
class _Object:
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


@contextmanager
def changed(target: Target, changes: Sequence[ObjectChange], waiter: Waiter) -> Iterator[None]:
    """Objects changed for as long as the context lasts, then exactly as they were.

    The body runs when the changes took effect as far as they can: a rollout is waited for until
    it is complete or cannot go on, since a change may be one that no pod survives. Putting back
    happens whatever ended the body; Ctrl-C and SIGTERM wait until it is done.

    Raises:
        Unusable: a change does not apply to this target, or could not be undone; in the latter
            case everything else was still put back.
        Undecided: the target is not in a cluster.
    """
    kube = target.need_kube()
    words = placeholders(target.names)
    changes = [ObjectChange.model_validate(filled(c.model_dump(), words)) for c in changes]
    objects = [_found(kube, change) for change in changes]
    try:
        for change, thing in zip(changes, objects, strict=True):
            _apply(kube, change, thing)
        for thing in objects:
            if thing.is_workload:
                _wait_effective(kube, thing, waiter)
        yield
    finally:
        with uninterrupted():
            _restore_all(kube, objects, waiter)


@contextmanager
def kept(target: Target, things: Sequence[tuple[str, str]], waiter: Waiter) -> Iterator[None]:
    """Objects, by kind and name, that the body may change; afterwards exactly as they were.

    Putting back happens as in `changed`.

    Raises:
        Unusable: there is no such object, or it could not be put back.
        Undecided: the target is not in a cluster.
    """
    kube = target.need_kube()
    objects = [_found(kube, ObjectChange(kind=kind, name=name)) for kind, name in things]
    try:
        yield
    finally:
        with uninterrupted():
            _restore_all(kube, objects, waiter)


def keep(kube: Kube, kind: str, name: str) -> dict[str, Any]:
    """An object of the namespace as it is now, for `put_back`.

    Raises:
        Unusable: there is none of that name.
    """
    found = _look(kube, kind, name, kube.namespace)
    if found is None:
        raise Unusable(
            f"There is no {kind} {kube.namespace}/{name}", remedy="Check the names in the profile"
        )
    return found


def put_back(kube: Kube, kept: dict[str, Any], waiter: Waiter) -> bool:
    """Make an object again what `keep` saw, with the owners of its fields.

    Returns whether there was anything to do.

    Raises:
        KubectlFailed: the API server refused.
        TimedOut: it is not as it was.
    """
    meta = kept["metadata"]
    now = _look(kube, kept["kind"], meta["name"], meta["namespace"])
    if now is not None and comparable(now) == comparable(kept):
        return False
    _restore(kube, _Object(kept["kind"], meta["name"], meta["namespace"], kept), waiter)
    return True


def insisted(what: str, act: Callable[[], _T], waiter: Waiter) -> _T:
    """Put something back; again for a while when the cluster refuses or does not answer.

    What was broken on purpose must not stay so because of one lost connection. Nothing that a
    check judges is repeated.

    Raises:
        Exception: the last problem, when the time is over; at once what no repetition mends.
    """
    done: list[_T] = []
    problems: list[Exception] = []

    def attempt() -> bool:
        problems.clear()
        try:
            done.append(act())
        except _NO_ANSWER as problem:
            problems.append(problem)
        return not problems

    try:
        waiter.until(f"put back: {what}", attempt, done=bool, timeout="put back", interval_s=1)
    except TimedOut as late:
        raise (problems or [late])[0] from late
    return done[0]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C, SIGTERM and SIGHUP until the end of the body, children included."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    before = {n: signal.signal(n, hold) for n in ENDING}
    try:
        yield
    finally:
        for watched, handler in before.items():
            signal.signal(watched, handler)
        for number in dict.fromkeys(held):
            signal.raise_signal(number)


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


def _found(kube: Kube, change: ObjectChange) -> _Object:
    meta: Any = change.manifest.get("metadata", {})
    kind = change.kind or str(change.manifest.get("kind", ""))
    name = change.name or str(meta.get("name", ""))
    namespace = change.namespace or meta.get("namespace") or kube.namespace
    if not kind or not name:
        raise Unusable(
            f"A change ({change.action}) names no kind and name",
            remedy="Give `kind` and `name`, or a whole `manifest` with the action `add`",
        )
    try:
        before = _look(kube, kind, name, namespace)
    except KubectlFailed as problem:
        raise _inapplicable(change, kind, name, problem) from problem
    if change.action == "add" and before is not None:
        raise Unusable(
            f"{kind} {namespace}/{name} exists already, so it cannot be added",
            remedy="Delete it if an earlier run left it, or give the change another name",
        )
    if change.action != "add" and before is None:
        raise Unusable(
            f"There is no {kind} {namespace}/{name} to {change.action}",
            remedy="Check the names in the profile",
        )
    return _Object(kind, name, namespace, before)


def _look(kube: Kube, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
    said = kube.run("get", kind, name, "-o", "json", "--ignore-not-found", "--show-managed-fields",
                    namespace=namespace)  # fmt: skip
    if not said.strip():
        return None
    found: dict[str, Any] = json.loads(said)
    return found


def _apply(kube: Kube, change: ObjectChange, thing: _Object) -> None:
    try:
        match change.action:
            case "add":
                kube.run("create", "-f", "-", namespace=thing.namespace,
                         stdin=json.dumps(change.manifest))  # fmt: skip
            case "delete":
                kube.run("delete", thing.kind, thing.name, namespace=thing.namespace)
            case "patch":
                patch = change.json_patch if change.patch_type == "json" else change.patch
                kube.run(
                    "patch", thing.kind, thing.name, f"--type={change.patch_type}",
                    "--patch", json.dumps(patch), namespace=thing.namespace,
                )  # fmt: skip
    except KubectlFailed as problem:
        raise _inapplicable(change, thing.kind, thing.name, problem) from problem


def _inapplicable(change: ObjectChange, kind: str, name: str, problem: Exception) -> Unusable:
    return Unusable(
        f"The change ({change.action}) of {kind} {name} does not apply here: {problem}",
        remedy="Correct the change, or leave it out for this deployment",
    )


def _wait_effective(kube: Kube, thing: _Object, waiter: Waiter) -> None:
    """Wait until a rollout is complete, cannot go on, or its time is over."""
    try:
        waiter.until(
            f"in effect: {thing}",
            lambda: workloads.look(kube, thing.kind, thing.name, thing.namespace),
            done=lambda r: r.complete,
            hopeless=lambda r: r.stuck,
            timeout="rollout",
            interval_s=1,
        )
    except (TimedOut, Hopeless):
        # A broken specification may have no healthy pods; what there is now is what is checked.
        return


def _restore_all(kube: Kube, objects: Sequence[_Object], waiter: Waiter) -> None:
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
            except (*_NO_ANSWER, TimedOut) as problem:
                failures.append(f"{thing}: {problem}")
    if failures:
        raise Unusable(
            f"What was changed on purpose could not be put back: {'; '.join(failures)}",
            remedy="Deploy again, or remove a cluster of ours with `mlflow-conformance down`",
        )


def _restore(kube: Kube, thing: _Object, waiter: Waiter) -> None:
    if thing.before is None:
        kube.run("delete", thing.kind, thing.name, "--ignore-not-found", namespace=thing.namespace)
        waiter.until(
            f"gone: {thing}",
            lambda: _look(kube, thing.kind, thing.name, thing.namespace),
            done=lambda found: found is None,
            timeout="object deleted",
        )
        return
    wanted = comparable(thing.before)
    now = _look(kube, thing.kind, thing.name, thing.namespace)
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
        lambda: _look(kube, thing.kind, thing.name, thing.namespace),
        done=lambda found: found is not None and comparable(found) == wanted,
        timeout="api reply",
    )


def _write(
    kube: Kube, thing: _Object, content: dict[str, Any], waiter: Waiter, *, new: bool
) -> None:
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
