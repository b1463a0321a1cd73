# SPDX-License-Identifier: Apache-2.0
"""What is in the bucket of backups, read by an account that neither makes nor restores them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from mlflow_conformance.config.backup_names import BackupNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.target.base import Target

_T = TypeVar("_T")


def _lenient(value: object, read: ValidatorFunctionWrapHandler) -> Any:
    """None for what has another form: the manifest is somebody else's."""
    try:
        return read(value)
    except ValidationError:
        return None


Told = Annotated[_T | None, WrapValidator(_lenient)]
"""What a manifest may tell or not."""


class Contents(BaseModel):
    """What a manifest says of the dump; what else it says is left alone.

    Attributes:
        content: a digest of the rows, by table.
        sequences: where each stands; None for one that was never used.
        structure: a digest, by the kind of thing.
    """

    revision: str
    rows: dict[str, int]
    content: Told[dict[str, str]] = None
    sequences: Told[dict[str, int | None]] = None
    structure: Told[dict[str, str]] = None

    @property
    def told(self) -> list[str]:
        """What it tells besides the rows."""
        return [k for k in ("content", "sequences", "structure") if getattr(self, k)]


_OURS = re.compile(r"-?\d+:-?\d+")


def comparable(content: Mapping[str, str] | None) -> dict[str, str]:
    """The digests of rows that `database.fingerprint` computes as well: those of schema 2."""
    return {t: d for t, d in (content or {}).items() if _OURS.fullmatch(d)}


class Manifest(BaseModel):
    """What a backup says of itself; `bytes` and `sha256` are those of its object."""

    name: str
    sha256: str
    bytes: int
    contents: Contents


@dataclass(frozen=True)
class Store:
    """The backups in their bucket."""

    names: BackupNames
    bucket: Bucket

    def sizes(self) -> dict[str, int]:
        """Every object below the prefix, by its name there; bytes.

        Raises:
            InsideFailed: the bucket refused it or could not be reached.
        """
        return {o.key.removeprefix(self.bucket.prefix): o.size for o in self.bucket.objects()}

    def good(self) -> list[str]:
        """Names of the backups whose manifest can be read and gives their size, oldest first."""
        sizes = self.sizes()
        return sorted(
            name
            for name in sizes
            if time_of(self.names, name) is not None
            and (manifest := self.manifest(name)) is not None
            and (manifest.name, manifest.bytes) == (name, sizes[name])
        )

    def manifest(self, name: str) -> Manifest | None:
        """The manifest of a backup; None when there is none that can be read."""
        content = self.bucket.content(self.bucket.prefix + name + self.names.manifest)
        if content is None:
            return None
        try:
            return Manifest.model_validate(json.loads(content))
        except (ValueError, ValidationError):
            return None

    def content(self, name: str) -> bytes:
        """The bytes of a backup, as they are stored.

        Raises:
            LookupError: there is none of that name.
        """
        content = self.bucket.content(self.bucket.prefix + name)
        if content is None:
            raise LookupError(f"there is no backup {name}")
        return content


def store_of(target: Target) -> Store:
    """The backups of a deployment.

    Raises:
        Undecided: the profile does not say where they are, or there is no door to them.
    """
    names = target.names.backup
    if names is None:
        raise Undecided("the profile does not say how backups are made (names.backup)")
    artifacts = target.need_bucket()
    door: Mapping[str, str] = {**artifacts.door, "bucket": names.bucket}
    return Store(names, Bucket(artifacts.inside, door, names.prefix))


def name_at(names: BackupNames, moment: datetime) -> str:
    """The name of the backup of a moment (UTC)."""
    return moment.astimezone(UTC).strftime(names.object)


def time_of(names: BackupNames, name: str) -> datetime | None:
    """When a backup of that name was made; None for what is no name of a backup."""
    try:
        return datetime.strptime(name, names.object).replace(tzinfo=UTC)
    except (ValueError, re.error):
        return None
