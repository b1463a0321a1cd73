# SPDX-License-Identifier: Apache-2.0
"""Back the tracking database up: dump, digest, encrypt, send, read back, then forget old ones.

Environment: DATABASE_URI (read-only suffices), BACKUP_DESTINATION (s3://bucket/prefix),
BACKUP_KEY (32 bytes in base64), BACKUP_KEEP (how many good backups stay) or BACKUP_KEEP_DAYS (how
long they stay) or both, SCRATCH (a folder with room for the dump twice), AWS_* as boto3 reads them.
"""

import base64
import hashlib
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import psycopg
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from envelope import encrypt
from manifest import NAME, SUFFIX, Contents, Manifest, Place, sha256_of
from schema import TRACKING, database_revision, libpq_environment, libpq_uri
from state import State


class Failed(Exception):  # noqa: N818 - told to a person as one sentence
    """There is no new backup; the message says why."""


def dump(uri: str, path: Path, now: datetime) -> Contents:
    """Dump the database into `path`, and say what is in it.

    Raises:
        Failed: pg_dump failed, or there is no MLflow in the database.
    """
    with psycopg.connect(libpq_uri(uri), connect_timeout=10) as connection:
        # The digests and the dump see the same snapshot, whatever is written meanwhile.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        revision = database_revision(connection, TRACKING)
        if row is None or revision is None:
            raise Failed("the database holds no MLflow: there is nothing to back up")
        state = State.read(connection)
        done = subprocess.run(
            ["pg_dump", "--format=custom", "--compress=6", "--no-owner", "--no-privileges",
             f"--snapshot={row[0]}", f"--file={path}"],
            stderr=subprocess.PIPE, text=True, check=False, env=os.environ | libpq_environment(uri),
        )  # fmt: skip
    if done.returncode != 0:
        raise Failed(f"pg_dump failed: {done.stderr.strip()}")
    return Contents(
        created=now.isoformat(timespec="seconds"),
        mlflow=importlib.metadata.version("mlflow"),
        revision=revision,
        rows=state.rows,
        dump_sha256=sha256_of(path),
        dump_bytes=path.stat().st_size,
        content=state.content,
        sequences=state.sequences,
        structure=state.structure,
    )


def send(s3: Any, place: Place, path: Path, manifest: Manifest) -> None:
    """Send the encrypted dump, read it back, and only then its manifest.

    Raises:
        Failed: what came back is not what was sent.
    """
    key = place.key(manifest.name)
    s3.upload_file(str(path), place.bucket, key)
    digest = hashlib.sha256()
    for chunk in s3.get_object(Bucket=place.bucket, Key=key)["Body"].iter_chunks(1 << 20):
        digest.update(chunk)
    if digest.hexdigest() != manifest.sha256:
        raise Failed(f"s3://{place.bucket}/{key} reads back other than it was written")
    s3.put_object(
        Bucket=place.bucket,
        Key=key + SUFFIX,
        Body=manifest.to_json().encode(),
        ContentType="application/json",
    )


@dataclass(frozen=True)
class Stored:
    """What is in the bucket: names of good backups, newest first, and of what failed ones left."""

    good: list[str]
    rest: list[str]


def _objects(s3: Any, place: Place) -> Iterator[tuple[str, int]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
    for page in pages:
        for found in page.get("Contents", []):
            yield found["Key"].removeprefix(place.prefix), int(found["Size"])


def stored(s3: Any, place: Place) -> Stored:
    """What is in the bucket. A backup is good if its manifest can be read and its size is right."""
    sizes = dict(_objects(s3, place))
    names = sorted((name for name in sizes if NAME.fullmatch(name)), reverse=True)
    good = []
    for name in names:
        if name + SUFFIX not in sizes:
            continue
        body = s3.get_object(Bucket=place.bucket, Key=place.key(name + SUFFIX))["Body"].read()
        try:
            manifest = Manifest.from_json(body.decode())
        except ValueError:
            continue
        if manifest.name == name and manifest.bytes == sizes[name]:
            good.append(name)
    return Stored(good=good, rest=[name for name in names if name not in good])


def name_at(moment: datetime) -> str:
    """The name of the backup made at a moment (UTC): names sort by time."""
    return f"mlflow_backup_{moment:%Y%m%d_%H%M%S}.dump.enc"


def forgettable(found: Stored, keep: int | None, oldest: str = "") -> list[str]:
    """Names of the backups that may be deleted: good ones beyond the newest `keep` or below the
    name `oldest`, and rests that are older than the newest good one (a younger rest may be a backup
    that is under way).

    At least one good backup always stays, however old it is.
    """
    old = [
        name
        for rank, name in enumerate(found.good)
        if rank > 0 and ((keep is not None and rank >= keep) or name < oldest)
    ]
    newest = found.good[0] if found.good else ""
    return old + [name for name in found.rest if name < newest]


def forget(s3: Any, place: Place, names: list[str]) -> None:
    """Delete backups: the manifest first, so that none is left that promises a dump."""
    for name in names:
        s3.delete_object(Bucket=place.bucket, Key=place.key(name + SUFFIX))
        s3.delete_object(Bucket=place.bucket, Key=place.key(name))


def back_up(s3: Any, *, uri: str, place: Place, key: bytes, scratch: Path) -> Manifest:
    """Make one backup; what was written is removed from `scratch` in any case.

    Raises:
        Failed: there is no new backup.
    """
    now = datetime.now(UTC)
    name = name_at(now)
    plain, sealed = scratch / "plain", scratch / name
    try:
        contents = dump(uri, plain, now)
        with plain.open("rb") as source, sealed.open("wb") as sink:
            encrypt(source, sink, key=key, context=contents.context())
        plain.unlink()
        manifest = Manifest(
            name=name, sha256=sha256_of(sealed), bytes=sealed.stat().st_size, contents=contents
        )
        send(s3, place, sealed, manifest)
    finally:
        plain.unlink(missing_ok=True)
        sealed.unlink(missing_ok=True)
    return manifest


def main() -> int:
    """Back up; 0 when a new backup is there and old ones are gone."""
    place = Place.parse(os.environ["BACKUP_DESTINATION"])
    s3 = boto3.client("s3")
    try:
        manifest = back_up(
            s3,
            uri=os.environ["DATABASE_URI"],
            place=place,
            key=base64.b64decode(os.environ["BACKUP_KEY"], validate=True),
            scratch=Path(os.environ["SCRATCH"]),
        )
    except (Failed, psycopg.Error, BotoCoreError, ClientError, Boto3Error) as error:
        sys.stderr.write(f"No backup: {error}\n")
        return 1
    sys.stdout.write(manifest.to_json())
    keep, days = os.environ.get("BACKUP_KEEP"), os.environ.get("BACKUP_KEEP_DAYS")
    gone = forgettable(
        stored(s3, place),
        int(keep) if keep else None,
        name_at(datetime.now(UTC) - timedelta(days=float(days))) if days else "",
    )
    forget(s3, place, gone)
    sys.stderr.write(f"kept {manifest.name}, forgot {len(gone)} older\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
