# SPDX-License-Identifier: Apache-2.0
"""Artifacts as PostgreSQL names them, held against the keys of the bucket."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from mlflow_conformance.doors.mlflow import served_path
from mlflow_conformance.doors.sql import Sql

_READY = 2  # mlflow.entities.LoggedModelStatus.READY


@dataclass(frozen=True)
class Owner:
    """Something that owns a folder of artifacts.

    Attributes:
        kind: run, model, version or trace.
        needed: there must be an object; a run may well have logged nothing.
    """

    kind: str
    name: str
    uri: str
    needed: bool

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.uri}"


@dataclass(frozen=True)
class StoredArtifacts:
    """Every artifact URI that the database holds."""

    owners: Sequence[Owner]

    def by_kind(self) -> Mapping[str, Sequence[Owner]]:
        """The owners of each kind."""
        found: dict[str, list[Owner]] = {}
        for owner in self.owners:
            found.setdefault(owner.kind, []).append(owner)
        return found


def stored_artifacts(sql: Sql) -> StoredArtifacts:
    """Read every artifact URI.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    return StoredArtifacts(list(_owners(sql)))


def _owners(sql: Sql) -> Iterator[Owner]:
    for run, uri in sql.rows("SELECT run_uuid, artifact_uri FROM runs"):
        yield Owner("run", run, uri, needed=False)
    for model, uri, needed in sql.rows(
        "SELECT m.model_id, m.artifact_location, m.status = %s "
        "AND m.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active' "
        "FROM logged_models m JOIN experiments e ON e.experiment_id = m.experiment_id",
        _READY,
    ):
        yield Owner("model", model, uri, needed)
    for name, version, uri in sql.rows(
        "SELECT name, version, COALESCE(NULLIF(storage_location, ''), source) "
        "FROM model_versions WHERE current_stage <> 'Deleted_Internal'"
    ):
        yield Owner("version", f"{name}/{version}", uri, needed=True)
    for trace, uri in sql.rows(
        "SELECT request_id, value FROM trace_tags WHERE key = 'mlflow.artifactLocation'"
    ):
        yield Owner("trace", trace, uri, needed=False)


@dataclass(frozen=True)
class Reconciliation:
    """Where the two differ.

    Attributes:
        owned: how many objects have an owner.
        empty: owners that need an object and have none.
        elsewhere: owners whose URI does not lead into this bucket.
        orphans: keys below no owner's folder.
    """

    owned: int
    empty: Sequence[str]
    elsewhere: Sequence[str]
    orphans: Sequence[str]
    objects_by_kind: Mapping[str, int]

    def report(self) -> dict[str, JsonValue]:
        """For the attached file."""
        return {
            "objects with an owner": self.owned,
            "objects by kind of owner": dict(self.objects_by_kind),
            "URIs without object": list(self.empty),
            "URIs outside the bucket": list(self.elsewhere),
            "objects without owner": list(self.orphans),
        }


def reconcile(
    before: StoredArtifacts,
    after: StoredArtifacts,
    keys: Iterable[str],
    *,
    bucket: str,
    prefix: str,
) -> Reconciliation:
    """Hold URIs against keys.

    Args:
        before: read before the bucket was listed: what they name must have been listed.
        after: read after it: who owns an object that was written meanwhile.
        prefix: what the keys of artifacts begin with; empty or ending in a slash.
    """
    folders: dict[str, Owner] = {}
    for owner in (*before.owners, *after.owners):
        if (folder := folder_of(owner.uri, bucket, prefix)) is not None:
            folders.setdefault(folder, owner)
    filled: set[str] = set()
    by_kind: dict[str, int] = {}
    orphans = []
    for key in keys:
        owner_folder = next((f for f in _parents(key) if f in folders), None)
        if owner_folder is None:
            orphans.append(key)
            continue
        kind = folders[owner_folder].kind
        by_kind[kind] = by_kind.get(kind, 0) + 1
        filled.update(_parents(key))
    placed = [(o, folder_of(o.uri, bucket, prefix)) for o in before.owners]
    return Reconciliation(
        owned=sum(by_kind.values()),
        empty=[str(o) for o, f in placed if f is not None and o.needed and f not in filled],
        elsewhere=[str(o) for o, f in placed if f is None],
        orphans=orphans,
        objects_by_kind=by_kind,
    )


def folder_of(uri: str, bucket: str, prefix: str) -> str | None:
    """The folder of keys that a URI leads to, without a trailing slash; None when it is elsewhere.

    ``mlflow-artifacts:/1/run/artifacts`` is below the server's own destination, which is `prefix`
    in the bucket; ``s3://bucket/…`` names the key itself.
    """
    if (path := served_path(uri)) is not None:
        return (prefix + path).rstrip("/")
    scheme, _, rest = uri.partition(":")
    if scheme == "s3" and rest.startswith(f"//{bucket}/"):
        return rest[len(bucket) + 3 :].rstrip("/")
    return None


def is_served(location: str, scheme: str) -> bool:
    """Whether a location is a path at whichever server a client asks: a scheme, and no host."""
    return re.fullmatch(f"{re.escape(scheme)}:/(?!/).+", location) is not None


def _parents(key: str) -> Iterator[str]:
    """The folders of a key, the deepest first."""
    while "/" in key:
        key = key.rpartition("/")[0]
        yield key
