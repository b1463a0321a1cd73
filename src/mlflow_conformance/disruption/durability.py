# SPDX-License-Identifier: Apache-2.0
"""What no crash of a container can show: whether a node that loses power takes writes with it.

The page cache of the node outlives every process on it, so a database that never waits for its disk
loses nothing when it is killed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod, main_container
from mlflow_conformance.doors.sql import Sql

_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
_OF_ROLES = (
    "SELECT coalesce(r.rolname::text, 'every role'), coalesce(d.datname::text, 'every database'), "
    "unnest(s.setconfig) FROM pg_db_role_setting s "
    "LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase"
)
_UNLOGGED = (
    "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'm', 'S') "
    "AND relpersistence <> 'p' AND relnamespace = current_schema()::regnamespace ORDER BY 1"
)
_WORDS = {"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0": "off"}
_PASSING = ("emptyDir", "ephemeral", "csi", "gitRepo", "configMap", "secret", "projected",
            "downwardAPI", "image")  # fmt: skip
"""Kinds of volumes that end with their pod, or that hold no data of it."""
_RETENTION = "persistentVolumeClaimRetentionPolicy"
_DATA = re.compile(r"(?:-D|--pgdata|--data-directory|data_directory)[ =]+(/[^ ]+)")


def settings(sql: Sql, names: Collection[str]) -> dict[str, str]:
    """The server's settings of these names, as it writes them; one that it lacks is missing.

    Raises:
        InsideFailed: the database could not be asked.
    """
    return dict(sql.rows(_SETTINGS, [*names]))


def overridden(sql: Sql, allowed: Mapping[str, Sequence[str]]) -> list[str]:
    """Settings that a role or database has for itself and that are not as allowed, in words.

    Raises:
        InsideFailed: the database could not be asked.
    """
    found = []
    for role, database, setting in sql.rows(_OF_ROLES):
        name, _, value = setting.partition("=")
        if name in allowed and _WORDS.get(value.lower(), value.lower()) not in allowed[name]:
            found.append(f"{role} in {database}: {setting}")
    return sorted(found)


def unlogged(sql: Sql) -> list[str]:
    """Tables and sequences that PostgreSQL empties after every crash.

    Raises:
        InsideFailed: the database could not be asked.
    """
    return [str(name) for name in sql.column(_UNLOGGED)]


def without_volume(pods: Collection[Pod]) -> list[str]:
    """The pods whose main container keeps its data on no volume that outlives them, by name.

    Where a container says in which folder PostgreSQL's files are, that folder must be on such a
    volume; of another one it must have any.
    """
    return [pod.name for pod in pods if not _lasting(pod.raw)]


def _lasting(pod: Mapping[str, Any]) -> set[str]:
    """Names of the volumes of the main container's data that are there when the pod is not."""
    spec, main = pod["spec"], main_container(pod)
    lasting = {v["name"] for v in spec.get("volumes") or [] if not any(k in v for k in _PASSING)}
    (container,) = (c for c in spec["containers"] if c["name"] == main)
    mounts = container.get("volumeMounts") or []
    folder = _data_folder(container)
    if folder is not None:
        around = [m for m in mounts if PurePosixPath(folder).is_relative_to(m["mountPath"])]
        mounts = sorted(around, key=lambda m: len(m["mountPath"]))[-1:]
    return lasting & {m["name"] for m in mounts}


def _data_folder(container: Mapping[str, Any]) -> str | None:
    """Where PostgreSQL's files are, as far as its container's specification says so."""
    words = " ".join([*(container.get("command") or []), *(container.get("args") or [])])
    if told := _DATA.search(words):
        return told[1]
    values = (e.get("value") for e in container.get("env") or [] if e["name"] == "PGDATA")
    return next(values, None)


def passing_claims(kube: Kube, pods: Collection[Pod]) -> list[str]:
    """The StatefulSets of pods that delete a pod's claims when they are scaled down, by name.

    Raises:
        KubeFailed: they may not be read.
    """
    owners = {
        owner["name"]
        for pod in pods
        for owner in pod.raw["metadata"].get("ownerReferences") or []
        if owner["kind"] == "StatefulSet"
    }
    kept = {o: kube.get("statefulset", o)["spec"].get(_RETENTION) or {} for o in sorted(owners)}
    return [name for name, policy in kept.items() if policy.get("whenScaled") == "Delete"]
