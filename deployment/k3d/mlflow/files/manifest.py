# SPDX-License-Identifier: Apache-2.0
"""What a backup says about itself, and where its parts are kept.

A backup is two objects: the encrypted dump, and beside it its manifest, written last. Without a
manifest there is no backup, only the rest of one that failed. The manifest can be read by anyone
who may read the bucket, and its `contents` are authenticated with the dump.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

SCHEMA = 1
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

    def context(self) -> bytes:
        """The bytes that are authenticated with the dump: the same for the same contents."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()


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
            if fields.pop("schema") != SCHEMA:
                raise ValueError("its schema is not 1: another version of this chart made it")
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


def count_rows(connection: psycopg.Connection) -> dict[str, int]:
    """Rows per table of schema public, as the connection's transaction sees them."""
    tables = connection.execute(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name"
    ).fetchall()
    rows = {}
    for (table,) in tables:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        row = connection.execute(query).fetchone()
        rows[table] = int(row[0]) if row else 0
    return rows
