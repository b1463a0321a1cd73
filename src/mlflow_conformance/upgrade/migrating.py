# SPDX-License-Identifier: Apache-2.0
"""The deployment's own migration of B, as pods that can be started on any copy of the database."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.core.brevity import brief
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.upgrade.bare import bare_pod
from mlflow_conformance.upgrade.copies import ADDRESS, Copies

_LIBPQ = "PG"
"""What libpq's variables begin with: they would lead to the live server."""
_PREFIX = "mlflow-conformance-"
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class OwnMigration:
    """What the Job of B runs.

    Attributes:
        labels, spec: of its pods; the ConfigMaps that they mount are `configmaps`, under names of
            their own, for those in the cluster may still be A's.
    """

    labels: Mapping[str, str]
    spec: Mapping[str, Any]
    configmaps: Sequence[Mapping[str, Any]]

    @contextmanager
    def prepared(self, kube: Kube, waiter: Waiter) -> Iterator[None]:
        """Its ConfigMaps are there for as long as the context lasts."""
        try:
            kube.apply(list(self.configmaps))
            yield
        finally:
            with uninterrupted():
                for each in self.configmaps:
                    removed(kube, "configmap", each["metadata"]["name"], waiter)

    @contextmanager
    def going_on(
        self, copies: Copies, database: str, names: Sequence[str], waiter: Waiter
    ) -> Iterator[None]:
        """Pods of these names that migrate one copy, started at once; removed afterwards."""
        kube = copies.kube
        spec = self._on(copies, database)
        pods = [bare_pod(name, kube.namespace, self.labels, spec) for name in names]
        try:
            kube.apply(pods)
            yield
        finally:
            with uninterrupted():
                for name in names:
                    removed(kube, "pod", name, waiter, grace_s=0)

    def _on(self, copies: Copies, database: str) -> dict[str, Any]:
        spec = copy.deepcopy(dict(self.spec))
        address = copies.variable(database)
        for container in spec["containers"]:
            others = [
                e
                for e in container.get("env", [])
                if e["name"] != ADDRESS and not e["name"].startswith(_LIBPQ)
            ]
            container["env"] = [*others, address]
        return spec


def own_migration(
    objects: Sequence[Mapping[str, Any]], selector: Mapping[str, str]
) -> OwnMigration:
    """The Job of B's own objects whose pods have these labels.

    Raises:
        Undecided: there is none.
    """
    for thing in objects:
        template = thing.get("spec", {}).get("template", {})
        labels = template.get("metadata", {}).get("labels", {})
        if thing["kind"] == "Job" and selector.items() <= labels.items():
            spec, configmaps = _with_own_configmaps(objects, template["spec"])
            return OwnMigration(labels, spec, configmaps)
    raise Undecided(f"no Job of the new version has pods with the labels {dict(selector)}")


def _with_own_configmaps(
    objects: Sequence[Mapping[str, Any]], spec: Mapping[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    made = copy.deepcopy(dict(spec))
    maps = {t["metadata"]["name"]: t for t in objects if t["kind"] == "ConfigMap"}
    found = []
    for volume in made.get("volumes", []):
        name = volume.get("configMap", {}).get("name")
        if name in maps:
            other = copy.deepcopy(dict(maps[name]))
            volume["configMap"]["name"] = other["metadata"]["name"] = _PREFIX + name
            found.append(other)
    return made, found


def outcomes(kube: Kube, names: Sequence[str], waiter: Waiter) -> dict[str, str]:
    """How pods ended, by their names: empty when well, else the last thing that they said.

    Raises:
        TimedOut: one did not end.
    """
    seen = waiter.until(
        "ended: the migrations",
        lambda: {name: kube.get("pod", name)["status"].get("phase", "") for name in names},
        done=lambda phases: all(phase in _ENDED for phase in phases.values()),
        timeout="restore finished",
        interval_s=0.3,
    )
    return {
        name: "" if phase == "Succeeded" else _last_line(kube, name) for name, phase in seen.items()
    }


def _last_line(kube: Kube, pod: str) -> str:
    lines = kube.log(pod, lines=3).strip().splitlines()
    return brief(lines[-1]) if lines else "failed without a word"
