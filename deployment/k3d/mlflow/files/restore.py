# SPDX-License-Identifier: Apache-2.0
"""Put a backup in the place of the tracking database, or leave everything as it is.

The backup is fetched, its digest compared, decrypted as a whole and read through by pg_restore
before any database is touched. It is restored into an empty database beside the live one; its rows,
their content, its sequences and its structure are held against the manifest, and it is migrated to
this image's schema. Then, in one transaction, the two change names. Killed at any moment, this
leaves the old data or the new.

Environment: PGHOST, PGUSER, PGPASSWORD of the administrator; MLFLOW_BACKEND_STORE_URI and what
migrate.py reads; BACKUP_DESTINATION, BACKUP_FILE,
BACKUP_KEY as for a backup; RESTORE_TOKEN, a text that tells a wanted repetition from an upgrade
that happens to have the same values; SCRATCH; AWS_* as boto3 reads them.
"""

import base64
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from envelope import NotAuthentic, decrypt
from manifest import NAME, SUFFIX, Manifest, Place, sha256_of
from migrate import migrate_schemas
from psycopg import sql
from schema import TRACKING, Refused, refuse_newer, revisions
from state import State

LIVE = "mlflow"
SIDE = "mlflow_restoring"
PREVIOUS = "mlflow_before_restore"
OWNER = "mlflow"
# Any number, the same in every release: two restores at once take turns.
RESTORE_LOCK = 0x726573746F7265
LIVE_SECONDS = 300


class Invalid(Exception):  # noqa: N818 - told to a person as one sentence
    """The backup cannot be restored; nothing was changed."""


def fetch(s3: Any, place: Place, name: str, key: bytes, scratch: Path) -> tuple[Manifest, Path]:
    """The manifest and the decrypted dump of a backup, both proven whole.

    Raises:
        Invalid: they are not.
    """
    if not NAME.fullmatch(name):
        raise Invalid(f"{name!r} is not the name of a backup")
    sealed, plain = scratch / name, scratch / "plain"
    try:
        text = s3.get_object(Bucket=place.bucket, Key=place.key(name + SUFFIX))["Body"].read()
        manifest = Manifest.from_json(text.decode())
        s3.download_file(place.bucket, place.key(name), str(sealed))
    except (ClientError, BotoCoreError) as error:
        raise Invalid(f"{name} or its manifest cannot be fetched: {error}") from error
    except ValueError as error:
        raise Invalid(f"the manifest of {name} cannot be read: {error}") from error
    if manifest.name != name:
        raise Invalid(f"the manifest beside {name} is the one of {manifest.name}")
    refuse_other(name, manifest, sealed)
    try:
        with sealed.open("rb") as source, plain.open("wb") as sink:
            decrypt(source, sink, key=key, context=manifest.contents.context())
    except NotAuthentic as error:
        raise Invalid(f"{name} does not decrypt: {error}") from error
    sealed.unlink()
    if sha256_of(plain) != manifest.contents.dump_sha256:
        raise Invalid(f"the dump in {name} is not the one of its manifest")
    # Reads all of the archive, where `pg_restore --list` is content with its first half.
    done = subprocess.run(
        ["pg_restore", "--file=/dev/null", str(plain)],
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise Invalid(f"the dump in {name} is no archive: {done.stderr.strip()}")
    return manifest, plain


def refuse_other(name: str, manifest: Manifest, sealed: Path) -> None:
    """Raise unless an object is the one of its manifest.

    Raises:
        Invalid: it is not, and in which way.
    """
    size = sealed.stat().st_size
    if size == 0:
        raise Invalid(f"{name} is empty, and its manifest says {manifest.bytes} bytes")
    if size != manifest.bytes:
        raise Invalid(
            f"{name} has {size} bytes and its manifest says {manifest.bytes}: it is cut off, or "
            "another object"
        )
    if sha256_of(sealed) != manifest.sha256:
        raise Invalid(f"{name} has another sha256 than its manifest says: it is damaged")


def wait_for_live(admin: psycopg.Connection, seconds: float) -> None:
    """Wait until there is a database to replace: on an empty server the migration Job makes it.

    Raises:
        Invalid: there is none within `seconds`.
    """
    deadline = time.monotonic() + seconds
    query = "SELECT 1 FROM pg_database WHERE datname = %s"
    while not admin.execute(query, (LIVE,)).fetchone():
        if time.monotonic() > deadline:
            raise Invalid(f"there is no database {LIVE} to replace: run the migration Job first")
        time.sleep(1)


def _drop(admin: psycopg.Connection, database: str) -> None:
    name = sql.Identifier(database)
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def fill_side(admin: psycopg.Connection, manifest: Manifest, plain: Path) -> None:
    """Restore the dump into an empty database beside the live one, and compare the two.

    Raises:
        Invalid: it does not restore without error, or it is not the database of the manifest.
    """
    _drop(admin, SIDE)
    admin.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
            sql.Identifier(SIDE), sql.Identifier(OWNER)
        )
    )
    done = subprocess.run(
        ["pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
         f"--role={OWNER}", f"--dbname={SIDE}", str(plain)],
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise Invalid(f"pg_restore failed: {done.stderr.strip()}")
    with psycopg.connect(dbname=SIDE) as side:
        different = State.read(side).differences(manifest.contents.state)
    if different:
        raise Invalid(
            "the restored database is not the one of the manifest; different: "
            + ", ".join(different)
        )


def side_uri(live_uri: str) -> str:
    """The address of the side database, from the one of the live database."""
    return live_uri.rpartition("/")[0] + "/" + SIDE


def _make_way(databases: list[int], stop: threading.Event) -> None:
    """Cut off whoever is connected to these databases until `stop` is set."""
    with psycopg.connect(dbname="postgres", autocommit=True) as helper:
        while not stop.is_set():
            helper.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datid = ANY(%s)",
                (databases,),
            )
            stop.wait(0.05)


def switch(admin: psycopg.Connection, mark: str) -> None:
    """Give the restored database the live one's name, in one transaction.

    A rename first locks the database against new connections and then waits up to 5 s for those
    it has to end, so they are cut off meanwhile. A write that was acknowledged was thus stored
    before the rename; none is acknowledged after it by the old database.
    """
    _drop(admin, PREVIOUS)
    live, side = sql.Identifier(LIVE), sql.Identifier(SIDE)
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(side))
    for reader in ("backup", "auditor", "metrics"):
        if admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (reader,)).fetchone():
            admin.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(side, sql.Identifier(reader))
            )
    admin.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(side, sql.Literal(mark)))
    oids: dict[str, int] = dict(
        admin.execute("SELECT datname, oid::bigint FROM pg_database").fetchall()
    )
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as pool:
        helper = pool.submit(_make_way, [oids[LIVE], oids[SIDE]], stop)
        try:
            with admin.transaction():
                previous = sql.Identifier(PREVIOUS)
                admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(live, previous))
                admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(side, live))
        finally:
            stop.set()
        helper.result()


def is_done(admin: psycopg.Connection, mark: str) -> bool:
    """Whether the live database is already the one that this restore makes."""
    row = admin.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (LIVE,)
    ).fetchone()
    return row is not None and row[0] == mark


def restore(
    s3: Any, *, place: Place, name: str, key: bytes, token: str, owner_uri: str, scratch: Path
) -> str:
    """Restore a backup; what happened, as a sentence.

    Raises:
        Invalid, Refused: nothing was changed.
    """
    mark = f"restored from {name} {token}".strip()
    with psycopg.connect(dbname="postgres", autocommit=True, connect_timeout=10) as admin:
        wait_for_live(admin, LIVE_SECONDS)
        admin.execute("SELECT pg_advisory_lock(%s)", (RESTORE_LOCK,))
        if is_done(admin, mark):
            return f"the database is already {mark}; give another RESTORE_TOKEN to restore it again"
        try:
            manifest, plain = fetch(s3, place, name, key, scratch)
            refuse_newer(TRACKING, manifest.contents.revision, revisions(TRACKING))
            fill_side(admin, manifest, plain)
            migrate_schemas(side_uri(owner_uri))
            switch(admin, mark)
        finally:
            for path in scratch.iterdir():
                path.unlink()
            _drop(admin, SIDE)
    rows = sum(manifest.contents.rows.values())
    return f"{mark}: {rows} rows of {manifest.contents.created}; the old data is in {PREVIOUS}"


def main() -> int:
    """Restore; 0 when the backup is live, 1 with a sentence when nothing was changed, 2 when
    PostgreSQL went away meanwhile: the Job tries that again.
    """
    try:
        sentence = restore(
            boto3.client("s3"),
            place=Place.parse(os.environ["BACKUP_DESTINATION"]),
            name=os.environ["BACKUP_FILE"],
            key=base64.b64decode(os.environ["BACKUP_KEY"], validate=True),
            token=os.environ.get("RESTORE_TOKEN", ""),
            owner_uri=os.environ["MLFLOW_BACKEND_STORE_URI"],
            scratch=Path(os.environ["SCRATCH"]),
        )
    except (Invalid, Refused) as error:
        sys.stderr.write(f"Not restored, nothing was changed: {error}.\n")
        return 1
    except psycopg.OperationalError as error:
        sys.stderr.write(f"Not restored, PostgreSQL cannot be used: {error}\n")
        return 2
    sys.stdout.write(sentence + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
