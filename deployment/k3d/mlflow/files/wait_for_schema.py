# SPDX-License-Identifier: Apache-2.0
"""Let a server pod start only on exactly the schema that its image needs.

A database that is not there yet, or not migrated yet, is waited for. One that a newer MLflow
migrated is refused: an old server on a new schema fails in ways that are hard to read. The refusal
is told at once and is final after a while, for a restore may be replacing the database, and the
kubelet would wait for minutes before it starts a container that failed often.

Environment: MLFLOW_BACKEND_STORE_URI; WAIT_FOR_USERS=true when basic auth is on;
SCHEMA_PATIENCE_SECONDS, how long to wait before the kubelet may start this anew (default 600);
REFUSAL_PATIENCE_SECONDS, the same for a database that is newer (default 60).
"""

import os
import sys
import time

import psycopg
from schema import TRACKING, USERS, Line, Refused, database_revision, libpq_uri, refuse_newer
from schema import revisions as revisions_of


def obstacle(uri: str, lines: list[Line]) -> str | None:
    """What keeps the server from starting, or None.

    Raises:
        Refused: the database is newer than this image.
    """
    try:
        with psycopg.connect(libpq_uri(uri), connect_timeout=5) as connection:
            for line in lines:
                image = revisions_of(line)
                found = database_revision(connection, line)
                refuse_newer(line, found, image)
                if found != image.head:
                    return (
                        f"the {line.what} schema is {found or 'not there yet'} and must become "
                        f"{image.head}: waiting for the migration Job"
                    )
    except psycopg.OperationalError as error:
        return f"waiting for the database: {str(error).strip().splitlines()[-1]}"
    return None


def main() -> int:
    """Wait; 0 when the server may start, 1 with a sentence on standard error when not."""
    uri = os.environ["MLFLOW_BACKEND_STORE_URI"]
    lines = [TRACKING, USERS] if os.environ.get("WAIT_FOR_USERS") == "true" else [TRACKING]
    patience = float(os.environ.get("SCHEMA_PATIENCE_SECONDS", "600"))
    refusal_patience = float(os.environ.get("REFUSAL_PATIENCE_SECONDS", "60"))
    started = time.monotonic()
    told = None
    while True:
        try:
            found, limit = obstacle(uri, lines), patience
        except Refused as refusal:
            found, limit = f"Not starting: {refusal}.", min(patience, refusal_patience)
        if found is None:
            return 0
        if found != told:
            sys.stderr.write(f"{found}\n")
            told = found
        if time.monotonic() - started >= limit:
            # The last line is what the kubelet shows as the reason.
            sys.stderr.write(f"Gave up: {found}\n")
            return 1
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
