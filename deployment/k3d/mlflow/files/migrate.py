# SPDX-License-Identifier: Apache-2.0
"""Make the database, its roles and its schema what this release needs; harmless to repeat.

Environment: MLFLOW_BACKEND_STORE_URI. With the chart's own PostgreSQL also PGHOST, PGUSER and
PGPASSWORD of its administrator, MLFLOW_ROLE_PASSWORD, optionally BACKUP_ROLE_PASSWORD and
AUDITOR_ROLE_PASSWORD, METRICS_ROLE, CREATE_INDEXES. With basic auth AUTH_ADMIN_USERNAME and
AUTH_ADMIN_PASSWORD, optionally AUTH_PROBE_PASSWORD. NEWER_SCHEMA_PATIENCE_SECONDS: how long to wait
for a restore to replace a database that is newer than this image (default 0).
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from schema import TRACKING, USERS, Refused, database_revision, libpq_uri, refuse_newer, revisions

DATABASE = "mlflow"
CONNECT_SECONDS = 300
PROBE_USER = "readiness-probe"
# Any number, the same in every release: two migrations at once take turns.
MIGRATION_LOCK = 0x4D4C666C6F77

# The searches that MLflow's pages and clients make most, and that its own schema has no index for.
INDEXES = {
    "chart_runs_by_experiment": "runs (experiment_id, lifecycle_stage, start_time DESC, run_uuid)",
    "chart_experiments_by_stage": "experiments (lifecycle_stage, last_update_time DESC)",
    "chart_metrics_by_run": "metrics (run_uuid, key, step, timestamp)",
    "chart_latest_metrics_by_key": "latest_metrics (key, value)",
    "chart_params_by_key": "params (key, run_uuid)",
}


def connect_patiently(dsn: str, seconds: float) -> psycopg.Connection:
    """Connect, waiting for a server that is still starting.

    Raises:
        psycopg.OperationalError: it could not be reached within `seconds`, or refused the account.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return psycopg.connect(dsn, connect_timeout=5, autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def ensure_role(
    admin: psycopg.Connection, name: str, password: str | None, attributes: str
) -> None:
    """Make a role that may log in, or set its password and attributes anew.

    Without a password it can log in only where PostgreSQL asks for none.
    """
    exists = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
    verb = "ALTER" if exists else "CREATE"
    admin.execute(
        sql.SQL(f"{verb} ROLE {{}} LOGIN {attributes} PASSWORD {{}}").format(
            sql.Identifier(name), sql.Literal(password)
        )
    )


def ensure_database(admin: psycopg.Connection) -> None:
    """Make the roles and the database of the chart's own PostgreSQL."""
    # Statements with passwords must not be logged, whatever postgresql.logStatement says.
    admin.execute("SET log_statement = 'none'")
    admin.execute("SET log_min_error_statement = 'panic'")
    ensure_role(admin, "mlflow", os.environ["MLFLOW_ROLE_PASSWORD"], "NOSUPERUSER")
    # The auditor also sees who is connected, and how, and what the server takes.
    for name, rights in (
        ("backup", "pg_read_all_data"),
        ("auditor", "pg_read_all_data, pg_read_all_stats, pg_read_all_settings"),
    ):
        password = os.environ.get(f"{name.upper()}_ROLE_PASSWORD")
        if password:
            ensure_role(admin, name, password, "NOSUPERUSER CONNECTION LIMIT 20")
            admin.execute(sql.SQL(f"GRANT {rights} TO {{}}").format(sql.Identifier(name)))
            admin.execute(
                sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(
                    sql.Identifier(name)
                )
            )
    if os.environ.get("METRICS_ROLE") == "true":
        # It reads statistics, no data, and comes through the socket: pg_hba.conf trusts the user
        # of the process there, so there is no password that could leak.
        ensure_role(admin, "metrics", None, "NOSUPERUSER CONNECTION LIMIT 5")
        admin.execute("GRANT pg_monitor TO metrics")
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER mlflow").format(sql.Identifier(DATABASE)))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(DATABASE)))
    for (name,) in admin.execute(
        "SELECT rolname FROM pg_roles WHERE rolname IN ('backup', 'auditor', 'metrics')"
    ).fetchall():
        admin.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                sql.Identifier(DATABASE), sql.Identifier(name)
            )
        )


@contextmanager
def migration_lock(uri: str) -> Iterator[psycopg.Connection]:
    """A connection that holds the lock under which the schema is changed."""
    with connect_patiently(libpq_uri(uri), CONNECT_SECONDS) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        yield connection


def migrate_tracking(uri: str, connection: psycopg.Connection) -> None:
    """Bring the tracking schema to this image's head.

    Raises:
        Refused: it is newer.
    """
    image = revisions(TRACKING)
    found = database_revision(connection, TRACKING)
    refuse_newer(TRACKING, found, image)
    if found == image.head:
        sys.stderr.write(f"the tracking schema is {found} already\n")
        return
    sys.stderr.write(f"migrating the tracking schema from {found or 'nothing'} to {image.head}\n")
    subprocess.run(["mlflow", "db", "upgrade", uri], check=True)


def migrate_users(uri: str, connection: psycopg.Connection, username: str, password: str) -> None:
    """Bring the schema of the users to this image's head, and make the accounts of the release.

    MLflow itself ignores a changed password once the administrator exists.
    """
    refuse_newer(USERS, database_revision(connection, USERS), revisions(USERS))
    # Imported only when needed: it takes seconds.
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(uri)
    wanted = {username: (password, True)}
    if probe_password := os.environ.get("AUTH_PROBE_PASSWORD"):
        # An account of its own: people change the administrator's password, and a probe that
        # knew only the old one would take every pod out of service.
        wanted[PROBE_USER] = (probe_password, False)
    for name, (secret, is_admin) in wanted.items():
        if not store.has_user(name):
            store.create_user(name, secret, is_admin=is_admin)
        elif not store.authenticate_user(name, secret):
            store.update_user(name, password=secret, is_admin=is_admin)


def create_indexes(connection: psycopg.Connection) -> None:
    """Make the indexes that are not there; writers are not kept waiting."""
    for name, definition in INDEXES.items():
        row = connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (name,)
        ).fetchone()
        if row is not None and not row[0]:
            # Left by a Job that was killed while it built the index.
            connection.execute(f"DROP INDEX CONCURRENTLY {name}")
        connection.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {definition}")


def migrate_schemas(uri: str) -> None:
    """Bring all schemas in a database to what this image and this release need.

    Raises:
        Refused: the database is newer than this image.
    """
    with migration_lock(uri) as connection:
        migrate_tracking(uri, connection)
        if username := os.environ.get("AUTH_ADMIN_USERNAME"):
            migrate_users(uri, connection, username, os.environ["AUTH_ADMIN_PASSWORD"])
        if os.environ.get("CREATE_INDEXES") == "true":
            create_indexes(connection)


def migrate(uri: str) -> None:
    """Do everything once.

    Raises:
        Refused: the database is newer than this image.
    """
    if os.environ.get("PGHOST"):
        with connect_patiently("dbname=postgres", CONNECT_SECONDS) as admin:
            ensure_database(admin)
    migrate_schemas(uri)


def main() -> int:
    """Migrate; 0 when done, 1 with a sentence on standard error when refused."""
    deadline = time.monotonic() + float(os.environ.get("NEWER_SCHEMA_PATIENCE_SECONDS", "0"))
    while True:
        try:
            migrate(os.environ["MLFLOW_BACKEND_STORE_URI"])
        except Refused as refusal:
            if time.monotonic() > deadline:
                sys.stderr.write(f"Not migrating: {refusal}.\n")
                return 1
            sys.stderr.write(f"waiting for the restore: {refusal}\n")
            time.sleep(5)
        else:
            return 0


if __name__ == "__main__":
    sys.exit(main())
