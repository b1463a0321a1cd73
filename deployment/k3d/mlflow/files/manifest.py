# SPDX-License-Identifier: Apache-2.0
"""What a backup says about itself, and where its parts are kept.

A backup is two objects: the encrypted dump, and beside it its manifest, written last. Without a
manifest there is no backup, only the rest of one that failed. The manifest can be read by anyone
who may read the bucket, and its `contents` are authenticated with the dump.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from state import State

SCHEMA = 2
"""1 had the rows alone of what `State` is; such a backup can still be restored."""
NAME = re.compile(r"mlflow_backup_\d{8}_\d{6}\.dump\.enc")
SUFFIX = ".manifest.json"


@dataclass(frozen=True)
class Contents:
    """What is in the dump: all of it seen by the same snapshot."""

    created: str
    mlflow: str
    revision: str
    rows: dict[str, int]
    dump_sha256: str
    dump_bytes: int
    content: dict[str, str] = field(default_factory=dict)
    sequences: dict[str, int | None] = field(default_factory=dict)
    structure: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """The database that was dumped."""
        return State(self.rows, self.content, self.sequences, self.structure)

    def context(self) -> bytes:
        """The bytes that are authenticated with the dump: the same for the same contents."""
        told = {k: v for k, v in asdict(self).items() if v or k not in _SINCE_2}
        return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


_SINCE_2 = ("content", "sequences", "structure")


@dataclass(frozen=True)
class Manifest:
    """A backup: the name of its object, the object's size and digest, and its contents."""

    name: str
    sha256: str
    bytes: int
    contents: Contents

    def to_json(self) -> str:
        """As it is written beside the dump."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Read a manifest.

        Raises:
            ValueError: it is none, with a sentence that says why.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            if fields.pop("schema") not in (1, SCHEMA):
                raise ValueError("its schema is not 1 or 2: a newer version of this chart made it")
            contents = Contents(**fields.pop("contents"))
            return cls(contents=contents, **fields)
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is not a manifest of a backup ({error})") from error


@dataclass(frozen=True)
class Place:
    """Where backups are kept: a bucket and a prefix that ends in a slash or is empty."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, uri: str) -> "Place":
        """The place of an address like ``s3://bucket/prefix``."""
        parts = urlsplit(uri)
        prefix = parts.path.strip("/")
        return cls(bucket=parts.netloc, prefix=f"{prefix}/" if prefix else "")

    def key(self, name: str) -> str:
        """The key of an object."""
        return self.prefix + name


def sha256_of(path: Path) -> str:
    """The digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
