# SPDX-License-Identifier: Apache-2.0
"""Reads a dump from standard input: ``revision`` prints its schema, ``restore`` loads it.

Runs in a container of MLflow: its database is the one of the server's command line or environment,
and PostgreSQL's own programs reach it. ``deployed`` prints the schema of that database.
"""

import os
import pathlib
import subprocess
import sys

import sqlalchemy as sa

_OPTION = "--backend-store-uri"
_VARIABLES = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "host": "PGHOST"}


def _url() -> sa.engine.URL:
    words = pathlib.Path("/proc/1/cmdline").read_bytes().decode().split("\0")
    for place, word in enumerate(words):
        if word == _OPTION:
            return sa.engine.make_url(words[place + 1])
        if word.startswith(f"{_OPTION}="):
            return sa.engine.make_url(word.partition("=")[2])
    return sa.engine.make_url(os.environ["MLFLOW_BACKEND_STORE_URI"])


def _environment() -> dict[str, str]:
    """How libpq's programs reach the database: neither address nor password is an argument."""
    url = _url()
    given = {
        "PGHOST": url.host,
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        **{_VARIABLES[key]: str(value) for key, value in url.query.items() if key in _VARIABLES},
    }
    return {**os.environ, **{key: value for key, value in given.items() if value}}


def _restored(*words: str) -> subprocess.CompletedProcess[str]:
    argv = ["pg_restore", *words]
    return subprocess.run(argv, env=_environment(), stdout=subprocess.PIPE, text=True, check=False)


def main(what: str) -> int:
    """Do one of the three; the exit code is that of the program that did it."""
    if what == "deployed":
        with sa.create_engine(_url()).connect() as connection:
            revision = connection.execute(sa.text("SELECT version_num FROM alembic_version"))
            print(revision.scalar())
        return 0
    if what == "revision":
        done = _restored("--file=-", "--data-only", "--table=alembic_version")
        lines = done.stdout.splitlines()
        begin = [n for n, line in enumerate(lines) if line.startswith("COPY ")]
        print(lines[begin[0] + 1] if begin else "")
        return done.returncode
    return _restored(
        "--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction",
        "--exit-on-error", f"--dbname={_url().database}",
    ).returncode  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
