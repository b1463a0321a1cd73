# SPDX-License-Identifier: Apache-2.0
"""The bucket, by an account that can only read and that MLflow does not use."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mlflow_conformance.doors.inside import Inside


@dataclass(frozen=True)
class StoredObject:
    """One object of a bucket; `size` in bytes."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class SpreadKeys:
    """Keys of a bucket that has so many folders."""

    keys: Sequence[str]
    folders: int


@dataclass(frozen=True)
class Digest:
    """What an object holds; `size` in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Bucket:
    """One bucket through the inside door.

    Attributes:
        door: endpoint, region, bucket and keys; holds a secret, so it is never printed.
        prefix: what the keys of artifacts begin with; empty or ending in a slash.
    """

    inside: Inside
    door: Mapping[str, str]
    prefix: str

    @property
    def name(self) -> str:
        """The bucket's own name."""
        return self.door["bucket"]

    def objects(self, below: str = "") -> list[StoredObject]:
        """Every object below ``prefix + below``.

        Raises:
            InsideFailed: the bucket refused it or could not be reached.
        """
        found = self.inside.call(
            "s3_list", patience_s=120, door=dict(self.door), prefix=self.prefix + below
        )
        return [StoredObject(**item) for item in cast(list[dict[str, Any]], found)]

    def spread(self, folders: int, each: int, after: str) -> "SpreadKeys":
        """Keys from all over the bucket, whatever the prefix; see `operations.s3_spread`.

        Args:
            folders: of how many folders, two at least.
            each: how many of each, from its beginning and from `after`.

        Raises:
            InsideFailed: the bucket refused it or could not be reached.
        """
        found = self.inside.call(
            "s3_spread", patience_s=120, door=dict(self.door), folders=folders, each=each,
            after=after,
        )  # fmt: skip
        return SpreadKeys(**cast(dict[str, Any], found))

    def digests(self, keys: Sequence[str]) -> dict[str, Digest | None]:
        """What each key holds, read byte by byte; None for a key that does not exist.

        Raises:
            InsideFailed: the bucket refused it or could not be reached.
        """
        found = self.inside.call("s3_digest", patience_s=300, door=dict(self.door), keys=list(keys))
        return {
            key: Digest(**value) if value else None
            for key, value in cast(dict[str, dict[str, Any] | None], found).items()
        }

    def content(self, key: str) -> bytes | None:
        """The bytes of an object; None when it does not exist.

        Raises:
            InsideFailed: the bucket refused it or could not be reached.
        """
        found = self.inside.call("s3_get", patience_s=120, door=dict(self.door), key=key)
        return None if found is None else base64.b64decode(cast(str, found))

    def head(self, key: str) -> dict[str, Any] | None:
        """Size, encryption, key id, metadata and expiry of an object; None when it does not exist.

        Raises:
            InsideFailed: the bucket refused it or could not be reached.
        """
        return cast(
            dict[str, Any] | None, self.inside.call("s3_head", door=dict(self.door), key=key)
        )

    def __repr__(self) -> str:
        return f"Bucket({self.door['endpoint']}/{self.door['bucket']}/{self.prefix})"
