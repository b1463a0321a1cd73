# SPDX-License-Identifier: Apache-2.0
"""Objects of a target's cluster changed for a while and put back exactly as they were."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import JsonValue

from mlflow_conformance.cluster import workloads
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kept import Kept, look, restore_all
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.config.names import Names
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.config.placeholders import filled, placeholders
from mlflow_conformance.core.certificate import certificate_of
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Hopeless, TimedOut, Waiter
from mlflow_conformance.target.base import Target


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
    asked = "".join(change.model_dump_json() for change in changes)
    words = {**placeholders(target.names), **_found_now(kube, target.names, asked)}
    changes = [ObjectChange.model_validate(filled(c.model_dump(), words)) for c in changes]
    objects = [_found(kube, change) for change in changes]
    try:
        for change, thing in zip(changes, objects, strict=True):
            _apply(kube, change, thing, waiter)
        for thing in objects:
            if thing.is_workload:
                _wait_effective(kube, thing, waiter)
        yield
    finally:
        with uninterrupted():
            restore_all(kube, objects, waiter)


def _found_now(kube: Kube, names: Names, asked: str) -> dict[str, JsonValue]:
    """What only the cluster knows: ``{postgresql address}`` and ``{postgresql volume}``, of its
    pod, and ``{backup uid}`` and ``{backup template}``, of the backup's CronJob; and what is made
    for the change, ``{ended certificate}`` and its ``{ended key}``.

    Looked up where a change asks for it: others must not wait, nor fail, for what they do not need.
    """
    words: dict[str, JsonValue] = {}
    server = names.postgresql.selector if names.postgresql else {}
    if server and "{postgresql address}" in asked and (ready := kube.ready_pods(server)):
        words["postgresql address"] = ready[0].ip
    if server and "{postgresql volume}" in asked and (pods := kube.pods(server)):
        claims = (v.get("persistentVolumeClaim") for v in pods[0].raw["spec"]["volumes"])
        for claim in filter(None, claims):
            found = kube.get("persistentvolumeclaim", claim["claimName"])
            words["postgresql volume"] = found["spec"]["volumeName"]
    if names.backup and ("{backup uid}" in asked or "{backup template}" in asked):
        cronjob = kube.find("cronjob", names.backup.cronjob)
        if cronjob:
            words["backup uid"] = cronjob["metadata"]["uid"]
            words["backup template"] = cronjob["spec"]["jobTemplate"]
    if "{ended certificate}" in asked:
        made = certificate_of("localhost", ended=True)
        words |= {"ended certificate": made.certificate, "ended key": made.key}
    return words


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
            restore_all(kube, objects, waiter)


def _found(kube: Kube, change: ObjectChange) -> Kept:
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
        before = look(kube, kind, name, namespace)
    except KubeFailed as problem:
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
    return Kept(kind, name, namespace, before)


def _apply(kube: Kube, change: ObjectChange, thing: Kept, waiter: Waiter) -> None:
    try:
        match change.action:
            case "add":
                kube.create(change.manifest, namespace=thing.namespace)
            case "delete":
                removed(kube, thing.kind, thing.name, waiter, namespace=thing.namespace)
            case "patch":
                patch = change.json_patch if change.patch_type == "json" else change.patch
                kube.patch(
                    thing.kind,
                    thing.name,
                    patch,
                    how=change.patch_type,
                    namespace=thing.namespace,
                )
    except (KubeFailed, TimedOut) as problem:
        raise _inapplicable(change, thing.kind, thing.name, problem) from problem


def _inapplicable(change: ObjectChange, kind: str, name: str, problem: Exception) -> Unusable:
    return Unusable(
        f"The change ({change.action}) of {kind} {name} does not apply here: {problem}",
        remedy="Correct the change, or leave it out for this deployment",
    )


def _wait_effective(kube: Kube, thing: Kept, waiter: Waiter) -> None:
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
